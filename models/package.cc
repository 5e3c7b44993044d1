#include "models/package.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "models/digest.h"

namespace weir {
namespace {

constexpr std::uint64_t kManifestBytesMax = 1U << 20U;
constexpr std::uint64_t kModelBytesMax = 512U << 20U;
constexpr std::uint64_t kGoldenBytesMax = 64U << 20U;

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    return fatal("no such file; set model.package to a folder that holds manifest.json: " +
                 path.string());
  }
  const std::uint64_t size = std::filesystem::file_size(path, failed);
  if (failed || size > bytes_max) {
    return fatal("file larger than " + std::to_string(bytes_max) + " bytes: " + path.string());
  }
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return fatal("cannot be read; check its permissions: " + path.string());
  }
  return bytes;
}

/// The named file with the digest the manifest gives for it.
Result<std::string> read_checked(const std::filesystem::path& directory, const PackageFile& file,
                                 std::uint64_t bytes_max) {
  Result<std::string> bytes = read_file(directory / file.name, bytes_max);
  if (!bytes) return bytes;
  const std::string found = sha256_hex(*bytes);
  if (found != file.sha256) {
    return fatal(
        file.name +
        " is not the file the manifest describes; export or fetch the package again: sha256 " +
        found + ", manifest says " + file.sha256);
  }
  return bytes;
}

Status check_allowed(const std::string& digest, const std::vector<std::string>& allowed) {
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), digest) != allowed.end()) {
    return ok();
  }
  return fatal("package is not on the list of allowed digests; review it, then add " + digest);
}

Result<Package> read_parts(const std::filesystem::path& directory,
                           const std::vector<std::string>& allowed_digests) {
  const Result<std::string> bytes = read_file(directory / "manifest.json", kManifestBytesMax);
  if (!bytes) return bytes.error();
  const std::string digest = "sha256:" + sha256_hex(*bytes);
  WEIR_RETURN_IF_ERROR(check_allowed(digest, allowed_digests));
  Result<Manifest> manifest = parse_manifest(*bytes);
  if (!manifest) return manifest.error();
  manifest->info.digest = digest;
  Package package;
  if (manifest->sequence) {
    auto bytes_of = read_checked(directory, manifest->sequence->file, kModelBytesMax);
    if (!bytes_of) return bytes_of.error();
    package.sequence = std::move(*bytes_of);
  }
  if (manifest->trees) {
    auto bytes_of = read_checked(directory, manifest->trees->file, kModelBytesMax);
    if (!bytes_of) return bytes_of.error();
    package.trees = std::move(*bytes_of);
  }
  const Result<std::string> lines = read_checked(directory, manifest->golden, kGoldenBytesMax);
  if (!lines) return lines.error();
  Result<std::vector<GoldenCase>> golden = parse_golden(*lines, *manifest);
  if (!golden) return golden.error();
  if (golden->size() != manifest->golden_cases) {
    return fatal("manifest promises " + std::to_string(manifest->golden_cases) + " golden cases, " +
                 manifest->golden.name + " has " + std::to_string(golden->size()));
  }
  package.manifest = std::move(*manifest);
  package.golden = std::move(*golden);
  return package;
}

}  // namespace

Result<Package> read_package(const std::string& directory,
                             const std::vector<std::string>& allowed_digests) {
  Result<Package> package = read_parts(directory, allowed_digests);
  if (!package) return fatal("model package " + directory + ": " + package.error().message);
  return package;
}

}  // namespace weir
