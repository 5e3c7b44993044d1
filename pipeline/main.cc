// weir: one binary, its sub-commands.

#include "pipeline/command_line.h"

int main(int argc, char** argv) {
  return weir::CommandLine().run(argc, argv);
}
