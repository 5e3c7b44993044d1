#pragma once
// ln and exp from additions, multiplications and divisions alone. The C library picks its own by
// CPU, with or without fused multiply-add, and their last bits differ; features and reasons must
// have the same bits on every machine. This library is compiled with -ffp-contract=off for the same
// reason.

namespace weir::operators {

/// Natural logarithm of a finite x > 0; error below 4e-16 relative to max(1, |ln x|).
double natural_log(double x);

/// e^x for |x| <= 700; relative error below 1e-14.
double natural_exp(double x);

}  // namespace weir::operators
