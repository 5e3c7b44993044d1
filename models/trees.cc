#include "models/trees.h"

#include <charconv>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xgboost/c_api.h>

namespace weir {
namespace {

/// Margins of all trees. Asked for once per batch, so the text is made once for all.
constexpr const char* kMarginsOfAllTrees =
    R"({"type": 1, "training": false, "iteration_begin": 0, "iteration_end": 0, )"
    R"("strict_shape": false, "cache_id": 0, "missing": NaN})";

/// What the library says of its last error, without time, place in its sources and stack.
std::string what_of_library() {
  std::string_view text = XGBGetLastError();
  text = text.substr(0, text.find('\n'));
  for (const std::string_view end_of_place : {"Check failed: ", ".h:", ".cc:"}) {
    const auto place = text.find(end_of_place);
    if (place == text.npos) continue;
    text.remove_prefix(place + end_of_place.size());
    if (end_of_place.front() == '.')
      text.remove_prefix(std::min(text.find(": "), text.size() - 2) + 2);
    break;
  }
  return std::string(text);
}

Error unusable(const std::string& what) {
  return fatal("trees cannot be used: " + what);
}

/// The library writes numbers of its configuration as text, the prior as "5E-1".
double number_of(const nlohmann::json& json) {
  const auto& text = json.get_ref<const std::string&>();
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    throw std::invalid_argument("not a number: " + text);
  }
  return number;
}

/// `text` is the library's own description of the model it has read.
Status check_kind(const char* text, std::size_t inputs) {
  try {
    const nlohmann::json learner = nlohmann::json::parse(text).at("learner");
    const std::string objective = learner.at("objective").at("name");
    if (objective != "binary:logistic") {
      return unusable("objective must be binary:logistic, not " + objective);
    }
    const std::string booster = learner.at("gradient_booster").at("name");
    if (booster != "gbtree") return unusable("booster must be gbtree, not " + booster);
    const nlohmann::json& model = learner.at("learner_model_param");
    if (number_of(model.at("num_class")) > 1 || number_of(model.at("num_target")) > 1) {
      return unusable("one output is served, the model has several");
    }
    const double features = number_of(model.at("num_feature"));
    if (features != static_cast<double>(inputs)) {
      return unusable(fmt::format("trained on {} inputs, the manifest names {}", features, inputs));
    }
    const double prior = number_of(model.at("base_score"));
    if (!(prior > 0 && prior < 1)) {
      return unusable(fmt::format("base_score must lie between 0 and 1, not {}", prior));
    }
    return ok();
  } catch (const std::exception& error) {
    return unusable(std::string("the library describes them in a way this build cannot read: ") +
                    error.what());
  }
}

}  // namespace

Result<std::unique_ptr<Trees>> Trees::load(std::string_view bytes, std::size_t inputs,
                                           std::size_t rounds) {
  // Anything else would be taken for the old binary format, whose reader believes what it reads.
  if (!bytes.starts_with("{L")) return unusable("no UBJSON: save_raw(\"ubj\") writes it");
  std::unique_ptr<Trees> trees(new Trees);
  const char* kind = nullptr;
  bst_ulong kind_bytes = 0;
  int found_rounds = 0;
  const bool loaded =
      XGBoosterCreate(nullptr, 0, &trees->booster_) == 0 &&
      XGBoosterSetParam(trees->booster_, "verbosity", "0") == 0 &&
      XGBoosterLoadModelFromBuffer(trees->booster_, bytes.data(), bytes.size()) == 0 &&
      XGBoosterSetParam(trees->booster_, "nthread", "1") == 0 &&  // threads are the workers
      XGProxyDMatrixCreate(&trees->proxy_) == 0 &&
      XGBoosterSaveJsonConfig(trees->booster_, &kind_bytes, &kind) == 0 &&
      XGBoosterBoostedRounds(trees->booster_, &found_rounds) == 0;
  if (!loaded) return unusable(what_of_library());
  WEIR_RETURN_IF_ERROR(check_kind(kind, inputs));
  if (static_cast<std::size_t>(found_rounds) != rounds) {
    return unusable(fmt::format("{} rounds, the manifest says {}", found_rounds, rounds));
  }
  trees->inputs_ = inputs;
  return trees;
}

Trees::~Trees() {
  if (proxy_ != nullptr) XGDMatrixFree(proxy_);
  if (booster_ != nullptr) XGBoosterFree(booster_);
}

Status Trees::margins(const float* rows, std::size_t count, std::vector<float>& margins) {
  margins.clear();
  if (count == 0) return ok();
  description_.clear();
  fmt::format_to(std::back_inserter(description_),
                 R"({{"data": [{}, true], "shape": [{}, {}], "typestr": "<f4", "version": 3}})",
                 reinterpret_cast<std::uintptr_t>(rows), count, inputs_);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;  // the library's own memory, until this thread's next call
  if (XGBoosterPredictFromDense(booster_, description_.c_str(), kMarginsOfAllTrees, proxy_, &shape,
                                &dimensions, &result) != 0) {
    return retry("trees failed: " + what_of_library());
  }
  if (dimensions != 1 || shape[0] != count) return retry("trees failed: an answer of another size");
  margins.assign(result, result + count);
  return ok();
}

}  // namespace weir
