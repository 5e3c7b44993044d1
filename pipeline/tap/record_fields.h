#pragma once
// The fields of our own records, for conditions over them. The contracts themselves:
// operators/verdict_json.h, dead_letters/dead_letter_view.h, tap/entity_json.h.
// tests/integration/look_test.py holds those of verdicts, features and dead letters against records
// that a worker wrote.

#include "pipeline/query/field_catalogue.h"

namespace weir::tap {

query::FieldCatalogue verdict_fields();
query::FieldCatalogue features_fields();
query::FieldCatalogue dead_letter_fields();
query::FieldCatalogue entity_fields();
query::FieldCatalogue profile_fields();

}  // namespace weir::tap
