#pragma once
// What every config test needs: a file's text in, diagnostics as the user reads them out.

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "pipeline/config/load.h"

namespace weir::config {

/// An environment that holds exactly these variables.
inline Environment variables(std::map<std::string, std::string, std::less<>> values = {}) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

/// The two keys without which nothing loads, on the last lines, so that a test's own lines start at
/// line 1.
inline const std::string kRequired = "kafka.brokers: localhost:9092\nstate.dir: /tmp/weir\n";

inline Loaded load_text(const std::string& yaml, const std::vector<std::string>& overrides = {},
                        const Environment& environment = variables()) {
  return parse_config(yaml + kRequired, "weir.yaml", overrides, environment);
}

inline std::vector<std::string> messages(const Loaded& loaded) {
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : loaded.diagnostics) texts.push_back(to_string(diagnostic));
  return texts;
}

/// A directory of this test alone, gone at the end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-config-XXXXXX").native();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::string write(const std::string& name, const std::string& content,
                    std::filesystem::perms perms = std::filesystem::perms::owner_read) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << content;
    std::filesystem::permissions(file, perms);
    return file.native();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace weir::config
