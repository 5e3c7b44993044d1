#include "pipeline/text_output.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>
#include <zlib.h>

namespace weir {

TextOutput::~TextOutput() {
  if (packed_ != nullptr) gzclose(packed_);
  if (plain_ != nullptr && plain_ != stdout) std::fclose(plain_);
}

Status TextOutput::open(const std::string& name) {
  name_ = name;
  if (name == "-") {
    plain_ = stdout;
  } else if (name.ends_with(".gz")) {
    packed_ = gzopen(name.c_str(), "wb");
    if (packed_ != nullptr) gzbuffer(packed_, 1U << 17U);
  } else {
    plain_ = std::fopen(name.c_str(), "wb");
  }
  if (plain_ == nullptr && packed_ == nullptr) {
    return fatal(fmt::format("cannot write {}: {}; name another file", name, std::strerror(errno)));
  }
  return ok();
}

void TextOutput::write(std::string_view text) {
  if (failed_ || text.empty()) return;
  if (packed_ != nullptr) {
    failed_ = gzwrite(packed_, text.data(), static_cast<unsigned>(text.size())) <= 0;
  } else {
    failed_ = std::fwrite(text.data(), 1, text.size(), plain_) != text.size();
  }
}

Status TextOutput::close() {
  if (packed_ != nullptr) failed_ = gzclose(std::exchange(packed_, nullptr)) != Z_OK || failed_;
  if (plain_ != nullptr) {
    failed_ = std::fflush(plain_) != 0 || failed_;
    if (plain_ != stdout) failed_ = std::fclose(plain_) != 0 || failed_;
    plain_ = nullptr;
  }
  return failed_ ? Status(fatal(fmt::format("cannot write {}; is the disk full?", name_))) : ok();
}

}  // namespace weir
