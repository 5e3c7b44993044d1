#include "models/blend.h"

namespace weir {

double Blend::z(double logit, double margin) const {
  return sequence * logit + trees * margin + bias;
}

}  // namespace weir
