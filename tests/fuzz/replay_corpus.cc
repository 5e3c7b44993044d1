// Runs a fuzz target over files, for compilers without libFuzzer: the stored corpus is a regression
// test everywhere.
//
//     decode_fuzz_corpus DIRECTORY...        every file as it is, then every truncation of it and
//     every byte flipped once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// An exact copy on the heap, so that AddressSanitizer sees a read behind the end.
void run(const std::string& bytes) {
  const std::basic_string<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  std::size_t runs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::string bytes{std::istreambuf_iterator<char>(file), {}};
      run(bytes);
      for (std::size_t n = 0; n < bytes.size(); ++n) {
        run(bytes.substr(0, n));
        bytes[n] = static_cast<char>(bytes[n] ^ 0x40);
        run(bytes);
        bytes[n] = static_cast<char>(bytes[n] ^ 0x40);
      }
      runs += 1 + 2 * bytes.size();
      ++files;
    }
  }
  std::printf("%zu files, %zu runs\n", files, runs);
  return files > 0 ? 0 : 1;
}
