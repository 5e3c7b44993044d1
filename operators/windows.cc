#include "operators/windows.h"

namespace weir::operators {

Status Windows::process(std::span<const RecalledTransaction> in, RecalledUsers& users,
                        std::vector<WindowedTransaction>& out) {
  const std::size_t width = engine_ == nullptr ? 0 : engine_->size();
  values_.resize(in.size() * width);  // no reallocation below: the spans stay valid
  pasts_.resize(engine_ != nullptr ? in.size() : 0);
  changes_.resize(engine_ != nullptr ? in.size() : 0);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (engine_ == nullptr) {
      out.push_back({in[i], {}, nullptr, nullptr});
      continue;
    }
    const auto values = std::span(values_).subspan(i * width, width);
    state::UserStore& store = *users[in[i].user].store;
    auto past = engine_->process(in[i], in[i].late, store.windows(), values);
    if (!past) return past.error();
    pasts_[i] = *std::move(past);
    changes_[i] = store.take_window_changes();
    out.push_back({in[i], values, &pasts_[i], &changes_[i]});
  }
  return ok();
}

}  // namespace weir::operators
