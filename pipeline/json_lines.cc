#include "pipeline/json_lines.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/core.h>
#include <zlib.h>

namespace weir {

Status read_lines(const std::string& file,
                  const std::function<Status(std::string_view line, std::size_t number)>& sink) {
  const auto close = [](gzFile open) { gzclose(open); };
  const std::unique_ptr<gzFile_s, decltype(close)> in(gzopen(file.c_str(), "rb"), close);
  if (!in)
    return fatal(fmt::format("cannot open {}: {}; check the path", file, std::strerror(errno)));
  gzbuffer(in.get(), 1U << 17U);

  std::string line;
  std::size_t number = 0;
  std::array<char, 1U << 16U> block{};
  const auto deliver = [&]() -> Status {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) return ok();
    WEIR_RETURN_IF_ERROR(sink(line, number));
    line.clear();
    return ok();
  };
  for (;;) {
    const int size = gzread(in.get(), block.data(), block.size());
    int code = Z_OK;
    const char* const reason = gzerror(in.get(), &code);
    if (size < 0)
      return fatal(
          fmt::format("cannot read {} after line {}: {}; fetch it again", file, number, reason));
    if (size == 0) {
      // zlib hands out what there is of a cut file and tells only those who ask.
      if (code == Z_BUF_ERROR)
        return fatal(fmt::format(
            "{} ends early, after line {}: not a whole gzip file; fetch it again", file, number));
      break;
    }
    std::string_view rest(block.data(), static_cast<std::size_t>(size));
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      line.append(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      WEIR_RETURN_IF_ERROR(deliver());
    }
    line.append(rest);
  }
  return line.empty() ? ok() : deliver();
}

}  // namespace weir
