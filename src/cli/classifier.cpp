// SPDX-License-Identifier: Apache-2.0
#include "cli/classifier.hpp"

#include "cli/embedder.hpp"
#include "cli/model_folder.hpp"

namespace modelpool::cli {

bool is_classifier(const CommonOptions& options) {
  return task_of(resolve_model(options.model, process_environment)) != "embedding";
}

ClassificationManager open_classifier(const CommonOptions& options) {
  return ClassificationManager(resolve_model(options.model, process_environment), manager_options(options),
                               settings_under(options));
}

ClassifyOptions make_classify_options(const CommonOptions& common, const ClassifyFlags& flags, std::stop_token stop) {
  return {.aggregation = parse_aggregation(flags.aggregation),
          .max_length = flags.max_length,
          .batch_size = common.batch_size,
          .batch_tokens = common.batch_tokens,
          .timeout = common.timeout,
          .stop = std::move(stop)};
}

}  // namespace modelpool::cli
