// weir tap: look at what flows through a topic.

#include <cstdio>
#include <map>

#include <fmt/core.h>

#include "pipeline/exit_code.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stop_signals.h"

namespace weir {

int tap_command(const TapArguments& arguments) {
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  const auto& topics = loaded->config.topics;
  const std::map<std::string, std::string> streams{
      {"transactions", topics.transactions}, {"labels", topics.labels},
      {"verdicts", topics.verdicts},         {"features", topics.features},
      {"dead-letters", topics.dead_letters}, {"metrics", topics.metrics}};
  const auto topic = streams.find(arguments.stream);
  if (topic == streams.end()) {
    fmt::print(stderr,
               "weir: there is no stream '{}'; one of transactions, labels, verdicts, features, "
               "dead-letters, metrics\n",
               arguments.stream);
    return kExitUsage;
  }
  StopSignals signals;
  auto reader = kafka::TopicReader::open(connection(loaded->config), {topic->second},
                                         arguments.from_beginning);
  if (!reader) return report(reader.error(), kExitUnavailable);
  std::uint64_t printed = 0;
  const auto enough = [&] { return arguments.count > 0 && printed >= arguments.count; };
  while (!enough() && !(arguments.until_end && (*reader)->at_end())) {
    const auto status = (*reader)->poll(std::chrono::milliseconds(100),
                                        [&](const std::string&, const RawRecord& record) {
                                          if (!arguments.key.empty() && record.key != arguments.key)
                                            return true;
                                          fmt::print("{}\n", record.value);
                                          ++printed;
                                          return !enough();
                                        });
    if (!status) return report(status.error(), kExitUnavailable);
    if (std::fflush(stdout) != 0) return kExitOk;  // the reader of our output has gone
    if (signals.wait(std::chrono::milliseconds(0))) break;
  }
  return kExitOk;
}

}  // namespace weir
