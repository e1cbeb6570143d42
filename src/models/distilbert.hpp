// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/encoder.hpp"

namespace modelpool::models {

/// DistilBERT: BERT without token types and pooler. Sanh et al. 2019, arXiv:1910.01108.
/// Reference: transformers v5.24.0, src/transformers/models/distilbert/modeling_distilbert.py (Embeddings,
/// TransformerBlock), configuration_distilbert.py.
[[nodiscard]] const EncoderArchitecture& distilbert();

}  // namespace modelpool::models
