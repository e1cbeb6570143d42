// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/encoder.hpp"

namespace modelpool::models {

/// MPNet: no token types, positions as RoBERTa's, and one table of relative position biases for all layers. Song et al. 2020,
/// arXiv:2004.09297.
/// Reference: transformers v5.24.0, src/transformers/models/mpnet/modeling_mpnet.py#L58-L110 (MPNetEmbeddings),
/// #L262-L350 (MPNetEncoder), configuration_mpnet.py.
[[nodiscard]] const EncoderArchitecture& mpnet();

}  // namespace modelpool::models
