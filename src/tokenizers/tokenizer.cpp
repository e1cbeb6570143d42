// SPDX-License-Identifier: Apache-2.0
#include "modelpool/tokenizers/tokenizer.hpp"
