#pragma once
// Memory for texts that a record does not hold as such: numbers that were binary, strings that had
// escapes. They live until forget(), that is for one batch; the memory is kept.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::operators {

class TextArena {
 public:
  /// At least `bytes` to write to; take() what was written before the next room().
  char* room(std::size_t bytes) {
    if (blocks_.empty() || used_ + bytes > blocks_[block_].size) next_block(bytes);
    return blocks_[block_].bytes.get() + used_;
  }
  std::string_view take(std::size_t bytes) {
    const std::string_view text(blocks_[block_].bytes.get() + used_, bytes);
    used_ += bytes;
    return text;
  }
  std::string_view copy(std::string_view text) {
    char* const to = room(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return take(text.size());
  }
  /// Ends all views.
  void forget() {
    block_ = 0;
    used_ = 0;
    if (blocks_.size() > 1) blocks_.resize(1);
  }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  static constexpr std::size_t kBlockBytes = 16'384;

  void next_block(std::size_t bytes) {
    const std::size_t size = bytes > kBlockBytes ? bytes : kBlockBytes;
    blocks_.push_back({std::make_unique<char[]>(size), size});
    block_ = blocks_.size() - 1;
    used_ = 0;
  }

  std::vector<Block> blocks_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;
};

}  // namespace weir::operators
