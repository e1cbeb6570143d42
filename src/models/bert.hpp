// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/encoder.hpp"

namespace modelpool::models {

/// BERT: the sum of word, position and token type vectors; L post-norm layers. Devlin et al. 2018, arXiv:1810.04805.
/// Reference: transformers v5.24.0, src/transformers/models/bert/modeling_bert.py#L54-L109 (BertEmbeddings), #L356-L419
/// (BertLayer), configuration_bert.py.
[[nodiscard]] const EncoderArchitecture& bert();

}  // namespace modelpool::models
