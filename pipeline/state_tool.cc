// weir state: what is remembered of users and of merchants, devices, addresses and cards, from the
// local stores under state.dir as of their last write-back.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/core.h>

#include "pipeline/commands.h"
#include "pipeline/exit_code.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/state_text.h"
#include "pipeline/stores.h"
#include "pipeline/terminal/progress.h"

namespace weir {
namespace {

/// Partitions that have a store under the directory, in order.
std::vector<std::int32_t> partitions_in(const std::filesystem::path& directory) {
  std::vector<std::int32_t> partitions;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const auto name = entry.path().filename().string();
    if (name.size() > 1 && name[0] == 'p' &&
        std::ranges::all_of(name.substr(1), [](char c) { return c >= '0' && c <= '9'; })) {
      partitions.push_back(std::stoi(name.substr(1)));
    }
  }
  std::ranges::sort(partitions);
  return partitions;
}

std::filesystem::path directory_of(const config::Config& config, StateOf what) {
  return what == StateOf::kUsers ? config.state.dir : entity_directory(config);
}

/// Opened for reading beside a running worker: the store's own identity is taken as it is.
Result<std::unique_ptr<state::UserStore>> open_for_reading(const config::Config& config,
                                                           StateOf what, std::int32_t partition) {
  auto backing = state::open_rocksdb_store(
      partition_directory(directory_of(config, what), partition).string(), true);
  if (!backing) return backing.error();
  auto options =
      what == StateOf::kUsers ? store_options(config, "") : entity_store_options(config, "");
  if (!options) return options.error();
  options->any_identity = true;
  return state::UserStore::open(*std::move(backing), *options);
}

/// What a store says of its repair is meant for a worker: here none is running.
int unreadable(Error error) {
  if (error.message.ends_with("the store is rebuilt from the changelog"))
    error.message += " when `weir run` starts next";
  return report(error, kExitData, "a running worker may have changed it meanwhile: try again");
}

Status dump_all(const config::Config& config, StateOf what,
                const std::vector<std::int32_t>& partitions, terminal::Progress& progress) {
  const auto dump = what == StateOf::kUsers ? dump_store : dump_entities;
  std::uint64_t dumped = 0;
  for (const auto partition : partitions) {
    auto store = open_for_reading(config, what, partition);
    if (!store) return store.error();
    WEIR_RETURN_IF_ERROR(dump(partition, **store, [&](const std::string& line) {
      fmt::print("{}\n", line);
      progress.at(++dumped);
    }));
  }
  return ok();
}

int no_stores(const config::Config& config, StateOf what) {
  fmt::print(
      stderr,
      "weir: no stores under {}; let `weir run` make some, or give the --config whose state.dir "
      "they are in\n",
      directory_of(config, what).string());
  return kExitData;
}

}  // namespace

int state_get_command(const ConfigSource& source, const std::string& user_id) {
  constexpr StateOf what = StateOf::kUsers;
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  const auto partitions = partitions_in(directory_of(loaded->config, what));
  if (partitions.empty()) return no_stores(loaded->config, what);
  for (const auto partition : partitions) {
    auto store = open_for_reading(loaded->config, what, partition);
    if (!store) return unreadable(store.error());
    const auto user = (*store)->get(user_id);
    if (!user) return unreadable(user.error());
    if (user->empty()) continue;
    const auto text = user_state_json(partition, user_id, *user, **store);
    if (!text) return unreadable(text.error());
    fmt::print("{}\n", *text);
    return kExitOk;
  }
  fmt::print(
      stderr,
      "weir: this user is in none of the {} stores under {}; check the id, and of a user seen "
      "just now ask again after state.write_back_interval and ten seconds more\n",
      partitions.size(), loaded->config.state.dir.string());
  return kExitData;
}

int state_dump_command(const ConfigSource& source, StateOf what) {
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  const auto partitions = partitions_in(directory_of(loaded->config, what));
  if (partitions.empty()) return no_stores(loaded->config, what);
  std::optional<terminal::Progress> progress(std::in_place,
                                             what == StateOf::kUsers ? "users" : "entities", true);
  const auto status = dump_all(loaded->config, what, partitions, *progress);
  progress.reset();
  return status ? int{kExitOk} : unreadable(status.error());
}

}  // namespace weir
