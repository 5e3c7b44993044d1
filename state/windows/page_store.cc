#include "state/windows/page_store.h"

#include <functional>
#include <unordered_map>

namespace weir::state {
namespace {

std::uint64_t packed(PageId id) {
  return static_cast<std::uint64_t>(id.kind) << 48U | static_cast<std::uint64_t>(id.group) << 32U |
         id.number;
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

}  // namespace

struct MemoryPageStore::Impl {
  using Pages = std::unordered_map<std::uint64_t, std::string>;
  std::unordered_map<std::string, Pages, TextHash, std::equal_to<>> entities;
  // The entity of the last call: operations ask for many pages of one.
  Pages* last = nullptr;
  std::string last_entity;

  Pages* find(std::string_view entity) {
    if (last != nullptr && last_entity == entity) return last;
    const auto found = entities.find(entity);
    if (found == entities.end()) return nullptr;
    last = &found->second;
    last_entity = entity;
    return last;
  }
};

MemoryPageStore::MemoryPageStore() : impl_(std::make_unique<Impl>()) {}
MemoryPageStore::~MemoryPageStore() = default;

Result<const std::string*> MemoryPageStore::read(std::string_view entity, PageId id) {
  const auto* pages = impl_->find(entity);
  if (pages == nullptr) return nullptr;
  const auto found = pages->find(packed(id));
  return found == pages->end() ? nullptr : &found->second;
}

Result<std::string*> MemoryPageStore::write(std::string_view entity, PageId id) {
  auto* pages = impl_->find(entity);
  if (pages == nullptr) {
    pages = &impl_->entities.emplace(entity, Impl::Pages()).first->second;
    impl_->last = pages;
    impl_->last_entity = entity;
  }
  return &(*pages)[packed(id)];
}

Status MemoryPageStore::erase(std::string_view entity, PageId id) {
  if (auto* pages = impl_->find(entity)) pages->erase(packed(id));
  return ok();
}

std::size_t MemoryPageStore::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [entity, pages] : impl_->entities) {
    for (const auto& [id, page] : pages) bytes += page.size();
  }
  return bytes;
}

}  // namespace weir::state
