// RocksDB behind the KeyValueStore port. The changelog is the write-ahead log, so RocksDB's own is
// off: after a crash the store is what was flushed last, data and meta of one moment, and the
// changelog brings it up to date.

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "state/user_store.h"

namespace weir::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockCacheBytes = std::size_t{8} << 20;
constexpr std::size_t kWriteBufferBytes = std::size_t{8} << 20;
constexpr std::size_t kInfoLogBytesMax = std::size_t{256} << 10;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

/// A tool that only looks must not leave a log file behind.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::CompressionType compression() {
  const auto known = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(known.begin(), known.end(), rocksdb::kLZ4Compression) != known.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::Options make_options(bool read_only) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, /*num_shard_bits=*/0);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = std::size_t{8} << 10;
  table.format_version = 5;

  rocksdb::Options options;
  options.create_if_missing = !read_only;
  options.paranoid_checks = true;
  options.compression = compression();
  options.write_buffer_size = kWriteBufferBytes;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kInfoLogBytesMax;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  if (read_only) options.info_log = std::make_shared<NoLog>();
  return options;
}

/// A lock is held by somebody, not broken. RocksDB tells it from other input/output errors in words
/// only.
bool is_held(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsIOError() && (text.find("lock hold by current process") != std::string::npos ||
                                text.find("While lock file") != std::string::npos);
}

/// Bytes that are wrong or gone are damage; a disk that is full or unwell may recover.
Error border_error(std::string_view what, const std::string& directory,
                   const rocksdb::Status& status) {
  const bool damaged = status.IsCorruption() || status.IsPathNotFound() || status.IsNotFound() ||
                       status.IsInvalidArgument() || status.IsNotSupported();
  if (damaged) {
    return fatal(
        fmt::format("state: damaged store: {}: {}: {}; the store is rebuilt from the changelog",
                    what, directory, status.ToString()));
  }
  return retry(fmt::format("state: {}: {}: {}", what, directory, status.ToString()));
}

class RocksdbStore final : public KeyValueStore {
 public:
  RocksdbStore(std::unique_ptr<rocksdb::DB> db, std::string directory)
      : db_(std::move(db)), directory_(std::move(directory)) {
    write_options_.disableWAL = true;
  }

  ~RocksdbStore() override {
    (void)db_->Close();
  }  // flushes what is unflushed: nothing is lost if it fails
  RocksdbStore(const RocksdbStore&) = delete;
  RocksdbStore& operator=(const RocksdbStore&) = delete;

  Result<bool> get(std::string_view key, std::string& value) override {
    const rocksdb::Status status = db_->Get(read_options_, slice(key), &value);
    if (status.ok()) return true;
    if (status.IsNotFound()) return false;
    return border_error("read", directory_, status);
  }

  Status write(const std::vector<Write>& batch) override {
    if (stopped_) {  // a background flush or compaction failed: try to go on before giving up
      const rocksdb::Status resumed = db_->Resume();
      if (!resumed.ok()) return border_error("resume", directory_, resumed);
      stopped_ = false;
    }
    rocksdb::WriteBatch writes;
    for (const auto& [key, value] : batch) {
      const rocksdb::Status added =
          value ? writes.Put(slice(key), slice(*value)) : writes.Delete(slice(key));
      if (!added.ok()) return border_error("write", directory_, added);
    }
    const rocksdb::Status status = db_->Write(write_options_, &writes);
    if (status.ok()) return ok();
    stopped_ = true;
    return border_error("write", directory_, status);
  }

  Status flush() override {
    const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions());
    if (status.ok()) return ok();
    stopped_ = true;
    return border_error("flush", directory_, status);
  }

  Status start_flush() override {
    rocksdb::FlushOptions options;
    options.wait = false;
    const rocksdb::Status status = db_->Flush(options);
    // Busy with an earlier one: the next turn comes soon enough.
    if (status.ok() || status.IsTryAgain()) return ok();
    stopped_ = true;
    return border_error("flush", directory_, status);
  }

  Status scan(std::string_view first,
              const std::function<Status(std::string_view, std::string_view)>& sink) override {
    rocksdb::ReadOptions options = read_options_;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> pairs(db_->NewIterator(options));
    for (pairs->Seek({first.data(), first.size()}); pairs->Valid(); pairs->Next()) {
      WEIR_RETURN_IF_ERROR(sink(view(pairs->key()), view(pairs->value())));
    }
    if (!pairs->status().ok()) return border_error("scan", directory_, pairs->status());
    return ok();
  }

  [[nodiscard]] std::uint64_t disk_bytes() const override {
    std::uint64_t bytes = 0;
    (void)db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
    return bytes;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::string directory_;
  rocksdb::ReadOptions read_options_;  // verifies checksums
  rocksdb::WriteOptions write_options_;
  bool stopped_ = false;
};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// A name that RocksDB gives to its files.
bool is_store_file(std::string_view name) {
  if (name == "CURRENT" || name == "IDENTITY" || name == "LOCK") return true;
  if (name == "LOG" || name.starts_with("LOG.old.")) return true;
  if (name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-")) return true;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return false;
  constexpr std::array<std::string_view, 4> kEndings = {"sst", "log", "dbtmp", "blob"};
  return is_number(name.substr(0, dot)) &&
         std::find(kEndings.begin(), kEndings.end(), name.substr(dot + 1)) != kEndings.end();
}

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const std::string& directory,
                                                          bool read_only) {
  std::error_code failed;
  if (!read_only) fs::create_directories(directory, failed);
  if (failed) {
    return retry(fmt::format("state: cannot create {}: {}", directory, failed.message()));
  }
  rocksdb::DB* opened = nullptr;
  const rocksdb::Options options = make_options(read_only);
  const rocksdb::Status status = read_only
                                     ? rocksdb::DB::OpenForReadOnly(options, directory, &opened)
                                     : rocksdb::DB::Open(options, directory, &opened);
  if (is_held(status)) {
    return retry(
        fmt::format("state: {} is held by another process or worker; is a second instance "
                    "running on the same state.dir?",
                    directory));
  }
  if (!status.ok()) return border_error("open", directory, status);
  return std::unique_ptr<KeyValueStore>(
      std::make_unique<RocksdbStore>(std::unique_ptr<rocksdb::DB>(opened), directory));
}

Status wipe_store(const std::string& directory) {
  std::error_code failed;
  const fs::file_status found = fs::symlink_status(directory, failed);
  if (found.type() == fs::file_type::not_found) return ok();
  const auto refuse = [&directory](std::string_view why) {
    return fatal(fmt::format("state: will not remove {}: {}; remove it by hand if it is not needed",
                             directory, why));
  };
  if (found.type() != fs::file_type::directory) return refuse("it is not a directory");
  std::vector<fs::path> files;
  for (fs::directory_iterator file(directory, failed), end; !failed && file != end;
       file.increment(failed)) {
    if (!is_store_file(file->path().filename().string()) || !file->is_regular_file()) {
      return refuse("it holds something that is not a store: " + file->path().filename().string());
    }
    files.push_back(file->path());
  }
  if (failed) return retry(fmt::format("state: cannot read {}: {}", directory, failed.message()));

  rocksdb::FileLock* lock = nullptr;
  const std::string lock_name = directory + "/LOCK";
  rocksdb::Env* const env = rocksdb::Env::Default();
  const rocksdb::Status locked = env->LockFile(lock_name, &lock);
  if (!locked.ok())
    return retry(fmt::format("state: {} is held by another process or worker", directory));
  for (const fs::path& file : files) fs::remove(file, failed);
  (void)env->UnlockFile(lock);
  fs::remove_all(directory, failed);
  if (failed) return retry(fmt::format("state: cannot remove {}: {}", directory, failed.message()));
  return ok();
}

}  // namespace weir::state
