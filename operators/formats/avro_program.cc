#include "operators/formats/avro_program.h"

#include <simdjson.h>

#include "operators/card_number.h"
#include "operators/formats/avro_refusals.h"
#include "operators/formats/byte_reader.h"
#include "operators/formats/typed_text.h"

namespace weir::operators {
namespace {

constexpr int kDepthMax = 32;
constexpr std::string_view kCutOff = "ends inside a value";

}  // namespace

/// One record on its way through a program.
class AvroRun {
 public:
  AvroRun(const AvroProgram& program, std::string_view bytes, TextArena& arena,
          std::span<std::string_view> slots)
      : program_(program),
        in_(bytes),
        arena_(arena),
        slots_(slots),
        steps_left_(program.code_.size() + 16 * bytes.size() + 1'024) {}

  std::optional<RecordFlaw> run() {
    if (!run_from(0, static_cast<std::uint32_t>(program_.code_.size()), 0)) return flaw_;
    if (!in_.done()) return RecordFlaw{RejectReason::kDecode, "", "bytes behind the record"};
    return std::nullopt;
  }

 private:
  using Op = AvroProgram::Op;
  using Instruction = AvroProgram::Instruction;

  bool fail(RejectReason reason, std::string_view what, std::string_view field = {}) {
    flaw_ = {reason, field, what};
    return false;
  }
  bool cut_off() { return fail(RejectReason::kDecode, kCutOff); }
  [[nodiscard]] std::string_view name_of(const Instruction& at) const {
    return program_.tree_->slots()[at.slot].name;
  }
  bool put(const Instruction& at, std::string_view text) {
    slots_[at.slot] = text;
    return true;
  }

  /// From `pc` up to `end` or to a kReturn, whichever comes first.
  bool run_from(std::uint32_t pc, std::uint32_t end, int depth) {
    if (depth > kDepthMax) return fail(RejectReason::kDecode, "nested too deeply");
    while (pc < end) {
      if (steps_left_-- == 0) return fail(RejectReason::kDecode, "too many values for its size");
      const Instruction& at = program_.code_[pc];
      switch (at.op) {
        case Op::kReturn:
          return true;
        case Op::kJump:
          pc = at.a;
          continue;
        case Op::kUnion:
          if (!choose(at, pc)) return false;
          continue;
        case Op::kCall: {
          const auto all = static_cast<std::uint32_t>(program_.code_.size());
          if (!run_from(program_.routines_[at.a], all, depth + 1)) return false;
          break;
        }
        case Op::kItems:
          if (!items(at, pc + 1, depth)) return false;
          pc = at.a;
          continue;
        default:
          if (!value(at)) return false;
      }
      ++pc;
    }
    return true;
  }

  bool choose(const Instruction& at, std::uint32_t& pc) {
    std::int64_t branch = 0;
    if (!in_.zigzag(branch)) return cut_off();
    const auto& branches = program_.branches_[at.a];
    if (branch < 0 || static_cast<std::uint64_t>(branch) >= branches.size()) {
      return fail(RejectReason::kDecode, "a branch that the schema does not have");
    }
    pc = branches[static_cast<std::size_t>(branch)];
    return true;
  }

  /// Blocks of items up to an empty one. A negative count is followed by the block's bytes, which
  /// are walked all the same: they may hold a card number.
  bool items(const Instruction& at, std::uint32_t body, int depth) {
    for (;;) {
      std::int64_t count = 0;
      std::int64_t ignored = 0;
      if (!in_.zigzag(count)) return cut_off();
      if (count == 0) return true;
      if (count < 0 && !in_.zigzag(ignored)) return cut_off();
      auto left =
          count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
      for (; left > 0; --left) {
        if (steps_left_-- == 0) return fail(RejectReason::kDecode, "too many values for its size");
        if (at.b != 0 && !skip_text()) return false;
        if (!run_from(body, at.a, depth + 1)) return false;
      }
    }
  }

  bool value(const Instruction& at) {
    switch (at.op) {
      case Op::kSkipVarint: {
        std::uint64_t ignored = 0;
        return in_.varint(ignored) || cut_off();
      }
      case Op::kSkipFixed: {
        std::string_view ignored;
        return (in_.take(at.a, ignored) || cut_off()) && check(ignored);
      }
      case Op::kSkipText:
        return skip_text();
      case Op::kText: {
        std::string_view text;
        return take_text(text) && put_text(at, text);
      }
      case Op::kFixedText: {
        std::string_view text;
        return (in_.take(at.b, text) || cut_off()) && check(text) && put_text(at, text);
      }
      case Op::kEnum:
        return symbol(at);
      case Op::kRefuse:
        return fail(RejectReason::kSchema, kAvroRefusals[at.a], name_of(at));
      default:
        return number(at);
    }
  }

  bool number(const Instruction& at) {
    switch (at.op) {
      case Op::kInteger:
      case Op::kTime: {
        std::int64_t whole = 0;
        if (!in_.zigzag(whole)) return cut_off();
        const bool in_ms = at.op == Op::kInteger || at.a == 1;
        return put(at, integer_text(arena_, in_ms ? whole : floor_divide(whole, at.a)));
      }
      case Op::kFloat: {
        float real = 0;
        return in_.fixed(real) ? put(at, number_text(arena_, real)) : cut_off();
      }
      case Op::kDouble: {
        double real = 0;
        return in_.fixed(real) ? put(at, number_text(arena_, real)) : cut_off();
      }
      case Op::kBool: {
        std::uint8_t byte = 0;
        if (!in_.fixed(byte)) return cut_off();
        if (byte > 1) return fail(RejectReason::kDecode, "neither true nor false", name_of(at));
        return put(at, bool_text(byte == 1));
      }
      default:
        return decimal(at);
    }
  }

  bool decimal(const Instruction& at) {
    std::string_view bytes;
    std::int64_t size = at.b;
    if (at.op == Op::kDecimal && !in_.zigzag(size)) return cut_off();
    if (size < 0 || !in_.take(static_cast<std::uint64_t>(size), bytes)) return cut_off();
    const auto text = decimal_text(arena_, bytes, static_cast<std::int32_t>(at.a));
    if (text.data() == nullptr) return fail(RejectReason::kRange, "too large", name_of(at));
    return put(at, text);
  }

  bool symbol(const Instruction& at) {
    std::int64_t index = 0;
    if (!in_.zigzag(index)) return cut_off();
    const auto& symbols = program_.symbols_[at.a];
    if (index < 0 || static_cast<std::uint64_t>(index) >= symbols.size()) {
      return fail(RejectReason::kDecode, "a symbol that the schema does not have", name_of(at));
    }
    return put(at, symbols[static_cast<std::size_t>(index)]);
  }

  bool take_text(std::string_view& text) {
    std::int64_t size = 0;
    if (!in_.zigzag(size) || size < 0 || !in_.take(static_cast<std::uint64_t>(size), text)) {
      return cut_off();
    }
    return check(text);
  }
  bool check(std::string_view text) {
    if (!contains_card_number(text)) return true;
    return fail(RejectReason::kPan, "holds a raw card number");
  }
  bool skip_text() {
    std::string_view ignored;
    return take_text(ignored);
  }
  bool put_text(const Instruction& at, std::string_view text) {
    if (!simdjson::validate_utf8(text.data(), text.size())) {
      return fail(RejectReason::kRange, "not valid UTF-8", name_of(at));
    }
    return put(at, text);
  }

  const AvroProgram& program_;
  ByteReader in_;
  TextArena& arena_;
  std::span<std::string_view> slots_;
  std::size_t steps_left_;
  RecordFlaw flaw_;
};

std::optional<RecordFlaw> AvroProgram::run(std::string_view bytes, TextArena& arena,
                                           std::span<std::string_view> slots) const {
  return AvroRun(*this, bytes, arena, slots).run();
}

}  // namespace weir::operators
