#pragma once
// What the command line takes: sub-commands, options, and what each starts.

#include <memory>

namespace weir {

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  /// Parses and runs; returns the exit code. Help and mistakes are printed.
  int run(int argc, char** argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
