// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/spm_model.hpp"

#include <bit>
#include <optional>

#include "base/utf8.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {
namespace {

/// A field of a protobuf message: a number, or bytes, which may be a message again.
struct Field {
  std::uint64_t number;
  std::uint64_t value;     // where it is a number
  std::string_view bytes;  // where it is not
  bool is_number;
  std::size_t at;  // in the file
};

/// Reads the fields of one message in turn.
class Message {
 public:
  Message(std::string_view bytes, std::size_t place, const std::string& file)
      : bytes_(bytes), place_(place), file_(file) {}

  std::optional<Field> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    const std::uint64_t tag = varint();
    Field field{tag >> 3U, 0, {}, true, place_ + at_};
    switch (tag & 7U) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2:
        field.is_number = false;
        field.bytes = take(varint());
        field.at = place_ + at_ - field.bytes.size();
        break;
      case 5:
        field.value = fixed(4);
        break;
      default:
        fail("has a field of a kind that SentencePiece models do not have; is it a SentencePiece model?");
    }
    return field;
  }

  [[noreturn]] void fail(const std::string& problem) const { throw LoadError{file_, "", place_ + at_, problem}; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    fail("has a number of more than ten bytes; is it a SentencePiece model?");
  }

  std::uint64_t fixed(std::size_t size) {
    std::uint64_t value = 0;
    const std::string_view bytes = take(size);
    for (std::size_t i = size; i > 0; --i) value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    return value;
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail("ends within a field; copy the file again");
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += taken.size();
    return taken;
  }

  std::string_view bytes_;
  std::size_t place_;  // of the message in the file
  const std::string& file_;
  std::size_t at_ = 0;
};

void read_piece(SpmModel& model, Message message) {
  std::string_view piece;
  float score = 0;
  auto type = SpmModel::Type::normal;
  while (const auto field = message.next()) {
    if (field->number == 1 && !field->is_number) piece = field->bytes;
    if (field->number == 2 && field->is_number) score = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
    if (field->number == 3 && field->is_number && field->value >= 1 && field->value <= 6)
      type = static_cast<SpmModel::Type>(field->value);
  }
  if (utf8::first_invalid(piece)) message.fail("has a piece that is not valid UTF-8");
  if (!(score > -1e30F && score < 1e30F)) message.fail("has a piece whose score is not a usable number");
  model.pieces.add(piece, static_cast<double>(score));
  model.types.push_back(type);
}

void read_trainer(SpmModel& model, Message message) {
  constexpr std::uint64_t kByteFallback = 35;
  constexpr std::uint64_t kUnkId = 40;
  while (const auto field = message.next()) {
    if (!field->is_number) continue;
    if (field->number == kByteFallback) model.byte_fallback = field->value != 0;
    if (field->number == kUnkId) model.unk_id = static_cast<std::int32_t>(static_cast<std::uint32_t>(field->value));
  }
}

void read_normalizer(SpmModel& model, Message message) {
  constexpr std::uint64_t kCharsmap = 2;
  while (const auto field = message.next())
    if (field->number == kCharsmap && !field->is_number) model.charsmap = field->bytes;
}

}  // namespace

SpmModel SpmModel::read(std::string_view bytes, const std::string& file) {
  constexpr std::uint64_t kPiece = 1;
  constexpr std::uint64_t kTrainer = 2;
  constexpr std::uint64_t kNormalizer = 3;
  SpmModel model;
  Message message(bytes, 0, file);
  while (const auto field = message.next()) {
    if (field->is_number) continue;
    const Message part(field->bytes, field->at, file);
    if (field->number == kPiece) read_piece(model, part);
    if (field->number == kTrainer) read_trainer(model, part);
    if (field->number == kNormalizer) read_normalizer(model, part);
  }
  if (model.types.empty()) throw LoadError{file, "", std::nullopt, "has no pieces; is it a SentencePiece model?"};
  return model;
}

}  // namespace modelpool::tokenizers
