#pragma once
// What the command line takes: sub-commands, options, and what each starts.

#include <memory>

#include "pipeline/cli/command_tree.h"

namespace weir {

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();

  /// Parses and runs; returns the exit code. Help and mistakes are printed.
  int run(int argc, char** argv);
  [[nodiscard]] cli::Command tree() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
