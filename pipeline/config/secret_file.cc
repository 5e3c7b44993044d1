#include "pipeline/config/secret_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

#include "pipeline/config/units.h"

namespace weir::config {
namespace {

constexpr std::size_t kSecretBytesMax = 64U << 10;

}  // namespace

Reading<SecretFile> read_secret_file(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return Complaint{fmt::format("cannot read {}: {}", path.native(), std::strerror(errno)),
                     "check the path and its permissions"};
  }
  if (!S_ISREG(status.st_mode)) {
    return Complaint{fmt::format("{} is not a file", path.native()),
                     "name the file that holds the value"};
  }
  std::ifstream in(path, std::ios::binary);
  SecretFile secret;
  secret.text.resize(kSecretBytesMax + 1);
  in.read(secret.text.data(), static_cast<std::streamsize>(secret.text.size()));
  const auto read = static_cast<std::size_t>(in.gcount());
  if (in.bad() || (!in.is_open() && read == 0)) {
    return Complaint{fmt::format("cannot read {}: {}", path.native(), std::strerror(errno)),
                     "check the permissions of the file"};
  }
  if (read > kSecretBytesMax) {
    return Complaint{
        fmt::format("{} is larger than {}", path.native(), format_bytes(kSecretBytesMax)),
        "name the file that holds only the value"};
  }
  secret.text.resize(read);
  if (secret.text.ends_with('\n')) secret.text.pop_back();
  if (secret.text.ends_with('\r')) secret.text.pop_back();
  if (secret.text.empty()) {
    return Complaint{fmt::format("{} is empty", path.native()), "write the value into it"};
  }
  if ((status.st_mode & S_IROTH) != 0) {
    secret.warning = fmt::format("{} can be read by everybody on this machine", path.native());
    secret.warning_remedy = fmt::format("chmod o-r {}", path.native());
  }
  return secret;
}

}  // namespace weir::config
