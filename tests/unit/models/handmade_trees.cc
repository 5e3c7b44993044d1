#include "tests/unit/models/handmade_trees.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <xgboost/c_api.h>

namespace weir::testing {
namespace {

void expect(int failed) {
  if (failed != 0) throw std::runtime_error(XGBGetLastError());
}

struct Matrix {
  Matrix(const std::vector<float>& rows, std::size_t inputs) {
    expect(XGDMatrixCreateFromMat(rows.data(), rows.size() / inputs, inputs,
                                  std::numeric_limits<float>::quiet_NaN(), &handle));
  }
  ~Matrix() { XGDMatrixFree(handle); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  DMatrixHandle handle = nullptr;
};

struct Booster {
  explicit Booster(const std::vector<DMatrixHandle>& cached = {}) {
    expect(XGBoosterCreate(cached.data(), cached.size(), &handle));
    set("nthread", "1");
    set("verbosity", "0");
  }
  ~Booster() { XGBoosterFree(handle); }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;
  void set(const std::string& name, const std::string& value) const {
    expect(XGBoosterSetParam(handle, name.c_str(), value.c_str()));
  }
  BoosterHandle handle = nullptr;
};

}  // namespace

std::vector<float> random_rows(std::size_t count, std::size_t inputs, std::mt19937& random) {
  std::normal_distribution<float> value;
  std::vector<float> rows(count * inputs);
  for (float& number : rows) {
    number = value(random);
    if (random() % 10 == 0) number = std::numeric_limits<float>::quiet_NaN();
  }
  return rows;
}

std::string trained_trees(const TreesShape& shape, std::uint32_t seed,
                          const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::mt19937 random(seed);
  std::normal_distribution<float> noise;
  const std::vector<float> rows = random_rows(shape.payments, shape.inputs, random);
  std::vector<float> fraud(shape.payments);
  for (std::size_t row = 0; row < shape.payments; ++row) {
    float risk = noise(random);
    for (std::size_t i = 0; i < shape.inputs; ++i) {
      const float value = rows[row * shape.inputs + i];
      if (!std::isnan(value)) risk += i % 2 == 0 ? value : value * value - 1;
    }
    fraud[row] = risk > 1 ? 1.0F : 0.0F;
  }
  const Matrix matrix(rows, shape.inputs);
  expect(XGDMatrixSetFloatInfo(matrix.handle, "label", fraud.data(), fraud.size()));
  const Booster booster({matrix.handle});
  booster.set("objective", "binary:logistic");
  booster.set("max_depth", std::to_string(shape.depth));
  booster.set("eta", "0.1");
  booster.set("tree_method", "hist");
  for (const auto& [name, value] : parameters) booster.set(name, value);
  for (std::size_t round = 0; round < shape.rounds; ++round) {
    expect(XGBoosterUpdateOneIter(booster.handle, static_cast<int>(round), matrix.handle));
  }
  bst_ulong size = 0;
  const char* bytes = nullptr;
  expect(XGBoosterSaveModelToBuffer(booster.handle, R"({"format": "ubj"})", &size, &bytes));
  return {bytes, size};
}

std::vector<float> margins_by_matrix(const std::string& trees, const std::vector<float>& rows,
                                     std::size_t inputs) {
  const Booster booster;
  expect(XGBoosterLoadModelFromBuffer(booster.handle, trees.data(), trees.size()));
  const Matrix matrix(rows, inputs);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  expect(XGBoosterPredictFromDMatrix(
      booster.handle, matrix.handle,
      R"({"type": 1, "training": false, "iteration_begin": 0, "iteration_end": 0, )"
      R"("strict_shape": false})",
      &shape, &dimensions, &result));
  return {result, result + rows.size() / inputs};
}

}  // namespace weir::testing
