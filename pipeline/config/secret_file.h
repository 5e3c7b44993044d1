#pragma once
// Values kept in files of their own (<key>_file): mounted secrets.

#include <filesystem>
#include <string>

#include "pipeline/config/diagnostic.h"

namespace weir::config {

struct SecretFile {
  std::string text;     // one line break at the end is cut
  std::string warning;  // not empty: everybody on the machine may read the file
  std::string warning_remedy;
};

/// Reads at most 64 KiB. The complaint names the file, never its content.
Reading<SecretFile> read_secret_file(const std::filesystem::path& path);

}  // namespace weir::config
