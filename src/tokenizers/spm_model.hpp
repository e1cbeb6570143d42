// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/pieces.hpp"

namespace modelpool::tokenizers {

/// What a SentencePiece model file says, as far as transformers uses it.
///
/// Note [Own reader of SentencePiece models]: transformers takes pieces, scores and the map of characters out of the file
/// and lets `tokenizers` do the rest, which differs from what the sentencepiece library does with the same file: in the
/// handling of spaces, of clusters of characters (see Precompiled), and in ids. To give transformers' ids the map is
/// needed, and the library's interface does not give it. So the file is read here: it is a protobuf of a few fields.
/// Source: sentencepiece, src/sentencepiece_model.proto.
struct SpmModel {
  enum class Type : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

  PieceEntries pieces;
  std::vector<Type> types;  // of the pieces
  std::int32_t unk_id = 0;
  bool byte_fallback = false;
  std::string charsmap;  ///< precompiled_charsmap; empty: there is none

  /// @param file  its name in errors
  /// @throws LoadError  naming the byte
  [[nodiscard]] static SpmModel read(std::string_view bytes, const std::string& file);
};

}  // namespace modelpool::tokenizers
