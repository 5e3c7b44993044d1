#pragma once
// The sub-commands of `weir`. Each returns its exit code; stdout is data, stderr is talk.

#include <cstdint>
#include <string>
#include <vector>

namespace weir {

/// Exit codes (sysexits.h): what a supervisor or a script may conclude.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,        // the command line is wrong
  kExitData = 65,         // an input file or a stored state is wrong
  kExitUnavailable = 69,  // broker, topic or identity is not to be had; a restart later may help
  kExitBug = 70,          // a broken invariant, or our own state may be wrong
  kExitConfig = 78,       // configuration or model package is refused
};

/// The configuration a command works on.
struct ConfigSource {
  std::string file;
  std::vector<std::string> set;  // --set a.b=v
};

int run_command(const ConfigSource& source);

struct CheckArguments {
  ConfigSource config;
  bool offline = false;         // do not ask the broker
  std::string format = "text";  // of findings: text, json or sarif
};
int check_command(const CheckArguments& arguments);
/// Every configuration key, for people who write one, and for their editors.
int keys_command(bool json);
int schema_command();
/// Every key with its value and where that came from.
int explain_config_command(const ConfigSource& source, bool json);
/// Writes a configuration to begin with; `file` "-" is standard output. An existing file stays.
int init_command(const std::string& file, bool json);
/// What this binary is.
int version_command(bool json);

struct ReplayArguments {
  ConfigSource config;
  std::string transactions;
  std::string labels;
  std::string verdicts_out;  // "-" = stdout
  std::string features_out;  // empty = not written
  std::string dead_letters_out;
  std::string state_out;
  bool json = false;  // the summary, on stdout
};
int replay_command(const ReplayArguments& arguments);

struct FeaturesArguments {
  ConfigSource config;
  std::string transactions;
  std::string labels;
  std::string out;    // "-" = stdout; .gz is compressed
  bool json = false;  // the summary, on stdout
};
int features_command(const FeaturesArguments& arguments);

struct TapArguments {
  ConfigSource config;
  std::string stream = "verdicts";  // or a step: pipeline/tap/streams.h
  std::uint64_t count = 0;          // 0 = until interrupted
  bool from_beginning = false;
  bool until_end = false;  // stop at the end instead of waiting for more
  std::string key;         // only records with this key
  std::string where;       // only records for which this holds: pipeline/query/query.h
  bool json = false;       // each with its place, time, key and headers
};
int tap_command(const TapArguments& arguments);

struct TestArguments {
  ConfigSource config;  // empty file: the one that the cases name
  std::vector<std::string> files;
  std::string only;             // part of a case's name
  std::string format = "text";  // text, json or junit
  bool schema = false;          // case_schema_command() instead
};
int test_command(const TestArguments& arguments);
/// What can stand in a file of cases, for editors.
int case_schema_command();

struct TopArguments {
  ConfigSource config;            // read only where there are no urls
  std::vector<std::string> urls;  // of instances
  double interval_seconds = 2;
  bool once = false;
  bool json = false;
};
int top_command(const TopArguments& arguments);

struct ExplainArguments {
  ConfigSource config;
  std::string id;        // verdict_id or transaction_id
  std::string verdicts;  // .jsonl or .jsonl.gz; empty: the topics
  std::string features;
  bool json = false;
};
/// kExitData when the decision cannot be found, or not be made again bit for bit.
int explain_command(const ExplainArguments& arguments);

/// Which records of the dead-letter topic; empty: all.
struct DeadLetterFilter {
  std::vector<std::string> reasons;
  std::string topic;  // transactions, labels, entities, or a topic's name
  std::string since;  // "2h", "7d" or a moment
};
struct DeadLettersListArguments {
  ConfigSource config;
  DeadLetterFilter filter;
  std::uint64_t count = 50;  // the newest so many
  bool summary = false;      // counts by reason and topic instead
  bool json = false;
};
int dead_letters_list_command(const DeadLettersListArguments& arguments);
struct DeadLettersReplayArguments {
  ConfigSource config;
  DeadLetterFilter filter;
  std::uint64_t count = 0;  // 0 = all
  bool yes = false;         // send; otherwise say what would be sent
  bool json = false;
};
int dead_letters_replay_command(const DeadLettersReplayArguments& arguments);

/// Whose state: each stage has stores of its own.
enum class StateOf : std::uint8_t { kUsers, kEntities };
int state_get_command(const ConfigSource& source, const std::string& user_id);
struct StateEraseArguments {
  ConfigSource config;
  std::string user_id;
  bool yes = false;  // erase; otherwise say what would be erased
  bool json = false;
};
/// Group stopped: everything that the state holds of a user is gone for good.
int state_erase_command(const StateEraseArguments& arguments);
int state_dump_command(const ConfigSource& source, StateOf what);

/// Asks the admin listener of an instance on this machine; ok: it says 200. Prints what it answers.
struct ProbeArguments {
  std::string question = "ready";  // or live
  std::string address =
      "127.0.0.1:9464";  // where to ask; a configuration's admin.listen goes first
  ConfigSource config;   // empty file: none
};
int probe_command(const ProbeArguments& arguments);

/// A page of the reference, as Markdown: keys, metrics, reasons or topics.
int reference_command(const std::string& page);

struct DemoArguments {
  ConfigSource config;       // empty file: the bundled configuration
  std::string brokers;       // empty: the embedded broker
  std::string transactions;  // empty: the bundled sample
  std::string labels;
  std::uint64_t rate = 2'500;  // payments a second published; 0 = as fast as possible
  bool stay = false;           // serve the console until Ctrl-C, also without a terminal
  bool json = false;           // the summary alone on stdout; everything else on stderr
};
int demo_command(const DemoArguments& arguments);

}  // namespace weir
