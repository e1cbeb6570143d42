// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "cli/command_context.hpp"
#include "modelpool/managers/classification.hpp"

namespace modelpool::cli {

/// Whether a model folder says that it holds a classifier: a class ForTokenClassification or ForSequenceClassification.
/// @throws UsageError, Error
[[nodiscard]] bool is_classifier(const CommonOptions& options);

/// The manager that the common options ask for. The weights are not loaded yet.
/// @throws UsageError, Error
[[nodiscard]] ClassificationManager open_classifier(const CommonOptions& options);

/// What the library wants for one text: the flags of a row under the common options.
[[nodiscard]] ClassifyOptions make_classify_options(const CommonOptions& common, const ClassifyFlags& flags,
                                                    std::stop_token stop);

}  // namespace modelpool::cli
