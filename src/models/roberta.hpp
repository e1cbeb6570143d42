// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/encoder.hpp"

namespace modelpool::models {

/// RoBERTa and XLM-RoBERTa: BERT whose positions count from behind the padding token's, with other heads. Liu et al. 2019,
/// arXiv:1907.11692; Conneau et al. 2019, arXiv:1911.02116.
/// Reference: transformers v5.24.0, src/transformers/models/roberta/modeling_roberta.py#L56-L160 (RobertaEmbeddings),
/// xlm_roberta/modeling_xlm_roberta.py, configuration_roberta.py.
[[nodiscard]] const EncoderArchitecture& roberta();

}  // namespace modelpool::models
