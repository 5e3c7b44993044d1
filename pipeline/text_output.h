#pragma once
// Text to a file, gzip when its name ends in .gz, standard output for "-".

#include <cstdio>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"

struct gzFile_s;

namespace weir {

class TextOutput {
 public:
  TextOutput() = default;
  ~TextOutput();
  TextOutput(const TextOutput&) = delete;
  TextOutput& operator=(const TextOutput&) = delete;

  /// Empties the file.
  Status open(const std::string& name);
  /// The first failure is remembered for close(); what follows is dropped.
  void write(std::string_view text);
  Status close();

 private:
  std::string name_;
  std::FILE* plain_ = nullptr;
  gzFile_s* packed_ = nullptr;
  bool failed_ = false;
};

}  // namespace weir
