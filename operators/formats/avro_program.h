#pragma once
// Avro, without a tree of generic values: the writer's schema is compiled once into a small program
// that walks the bytes in their order, leaves the wanted values as text and steps over the rest.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/formats/field_tree.h"
#include "operators/formats/text_arena.h"
#include "pipeline/core/error.h"
#include "pipeline/core/schema_source.h"

namespace weir::operators {

/// Compiled from one writer's schema for one tree of fields. Immutable but for its scratch.
///
/// A field of the schema is the wanted one of its name, or else of one of its aliases: a producer
/// that renames a field gives the old name as an alias. Values a field may be: string, enum, bytes
/// (as UTF-8), int and long; for amounts also float, double and decimal, but no plain int or long,
/// whose unit nothing says (amount_minor is declared to be minor units); for times
/// timestamp-millis, -micros, -nanos; and unions of all these with null. A wanted field of another
/// type is refused where a record has it, not with the schema: a union may never take that branch.
///
/// Bounds: the program's size; how deep types nest (32); steps a record, so that a block of 2^60
/// nulls ends. All strings and bytes, wanted or not, are searched for raw card numbers.
class AvroProgram {
 public:
  /// The error's text is for the author of the schema. `tree` must outlive the program.
  static Result<AvroProgram> compile(const RegisteredSchema& schema, const FieldTree& tree);

  /// Fills the slots of the tree, all absent before. Views point into `bytes`, `arena` or this.
  std::optional<RecordFlaw> run(std::string_view bytes, TextArena& arena,
                                std::span<std::string_view> slots) const;

  enum class Op : std::uint8_t {
    kSkipVarint,
    kSkipFixed,  // a: bytes
    kSkipText,   // string or bytes
    kText,       // string or bytes as UTF-8
    kEnum,       // a: index of the symbols
    kInteger,    // int, long
    kTime,       // long; a: units a millisecond
    kFloat,
    kDouble,
    kBool,
    kDecimal,       // bytes; a: scale
    kFixedDecimal,  // a: scale, b: bytes
    kFixedText,     // b: bytes
    kRefuse,        // a: index of the words
    kUnion,         // a: index of the branches
    kJump,          // a: where to
    kItems,         // an array (b 0) or map (b 1) of what stands up to a
    kCall,          // a: index of the routine
    kReturn,
  };
  struct Instruction {
    Op op;
    std::uint16_t slot = 0;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
  };

 private:
  friend class AvroCompiler;
  friend class AvroRun;
  explicit AvroProgram(const FieldTree& tree) : tree_(&tree) {}

  const FieldTree* tree_;
  std::vector<Instruction> code_;
  std::vector<std::vector<std::string>> symbols_;     // of enums that are wanted
  std::vector<std::vector<std::uint32_t>> branches_;  // of unions: where each begins
  std::vector<std::uint32_t> routines_;               // where each begins; they end by kReturn
};

}  // namespace weir::operators
