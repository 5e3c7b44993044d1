#include "operators/windows.h"

namespace weir::operators {

Status Windows::process(std::span<const RecalledTransaction> in,
                        std::vector<WindowedTransaction>& out) {
  const std::size_t width = engine_ == nullptr ? 0 : engine_->size();
  values_.resize(in.size() * width);  // no reallocation below: the spans stay valid
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto values = std::span(values_).subspan(i * width, width);
    if (width > 0) WEIR_RETURN_IF_ERROR(engine_->process(in[i], in[i].late, values));
    out.push_back({in[i], values});
  }
  return ok();
}

}  // namespace weir::operators
