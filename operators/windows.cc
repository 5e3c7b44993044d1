#include "operators/windows.h"

namespace weir::operators {

Status Windows::process(std::span<const RecalledTransaction> in, RecalledUsers& users,
                        std::vector<WindowedTransaction>& out) {
  const std::size_t width = engine_ == nullptr ? 0 : engine_->size();
  values_.resize(in.size() * width);  // no reallocation below: the spans stay valid
  changes_.resize(width > 0 ? in.size() : 0);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (width == 0) {
      out.push_back({in[i], {}, nullptr});
      continue;
    }
    const auto values = std::span(values_).subspan(i * width, width);
    state::UserStore& store = *users[in[i].user].store;
    WEIR_RETURN_IF_ERROR(engine_->process(in[i], in[i].late, store.windows(), values));
    changes_[i] = store.take_window_changes();
    out.push_back({in[i], values, &changes_[i]});
  }
  return ok();
}

}  // namespace weir::operators
