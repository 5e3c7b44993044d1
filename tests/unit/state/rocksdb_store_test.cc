// RocksDB as backing store: what survives a crash, and that damage is refused, never read.
// Method: a copy of the directory of an open store is what a kill -9 leaves behind (the memtable is
// lost); bytes of its files are flipped, cut off or removed.

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "state/store_meta.h"
#include "state/user_store.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

namespace fs = std::filesystem;

class RocksdbStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-state-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  static std::unique_ptr<KeyValueStore> open_or_fail(const std::string& directory,
                                                     bool read_only = false) {
    auto store = open_rocksdb_store(directory, read_only);
    EXPECT_TRUE(store) << error_of(store);
    return store ? std::move(*store) : nullptr;
  }
  /// Names, sizes and times of a directory's files: equal twice means that nothing moved in
  /// between.
  static std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> listing(
      const std::string& directory) {
    std::map<std::string, std::pair<std::uintmax_t, fs::file_time_type>> files;
    std::error_code gone;
    for (const auto& file : fs::directory_iterator(directory)) {
      files[file.path()] = {file.file_size(gone), file.last_write_time(gone)};
    }
    return files;
  }
  /// What a kill -9 at this moment would leave. A crash is one moment and a copy is not: copied
  /// again when RocksDB's own threads were at work meanwhile.
  std::string crash_image(const std::string& directory, const std::string& name) {
    for (;;) {
      const auto before = listing(directory);
      fs::remove_all(path(name));
      std::error_code failed;
      fs::copy(directory, path(name), fs::copy_options::recursive, failed);
      if (!failed && listing(directory) == before) return path(name);
    }
  }
  static std::vector<fs::path> tables(const std::string& directory) {
    std::vector<fs::path> found;
    for (const auto& file : fs::directory_iterator(directory)) {
      if (file.path().extension() == ".sst") found.push_back(file.path());
    }
    return found;
  }
  static void flip(const fs::path& file, std::uintmax_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto before = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(before ^ 0x10));
  }
  /// A worker with some hundred users; everything is in tables on the disk.
  void fill(const std::string& directory, Changelog& log) {
    auto store = open_or_die(open_or_fail(directory), options_);
    Worker worker(*store, log);
    PaymentSource source(1, 300);
    for (int commit = 0; commit < 50; ++commit) {
      for (int i = 0; i < 40; ++i) worker.stage(source.next());
      worker.commit();
    }
    ASSERT_EQ(error_of(store->checkpoint()), "");
  }

  fs::path root_;
  UserStoreOptions options_ = small_options();
};

TEST_F(RocksdbStoreTest, KeepsTheContractOfTheMemoryStore) {
  auto rocksdb = open_or_fail(path("store"));
  auto memory = make_memory_store();
  for (KeyValueStore* store : {rocksdb.get(), memory.get()}) {
    std::string value;
    EXPECT_FALSE(store->get("a", value).value());
    ASSERT_TRUE(store->write({{"b", "2"}, {"a", "1"}, {"c", std::string("x\0y", 3)}}));
    ASSERT_TRUE(store->write({{"b", std::nullopt}, {"never there", std::nullopt}}));
    EXPECT_TRUE(store->get("c", value).value());
    EXPECT_EQ(value, std::string("x\0y", 3));
    EXPECT_FALSE(store->get("b", value).value());
    std::string keys;
    EXPECT_TRUE(store->scan({}, [&](std::string_view key, std::string_view) {
      keys += key;
      return ok();
    }));
    EXPECT_EQ(keys, "ac");
    const auto keys_from = [&](std::string_view first) {
      keys.clear();
      EXPECT_TRUE(store->scan(first, [&](std::string_view key, std::string_view) {
        keys += key;
        return ok();
      }));
      return keys;
    };
    EXPECT_EQ(keys_from("a"), "ac") << "the first is among them";
    EXPECT_EQ(keys_from(std::string_view("a\0", 2)), "c");
    EXPECT_EQ(keys_from("b"), "c") << "a key that was deleted";
    EXPECT_EQ(keys_from("c"), "c");
    EXPECT_EQ(keys_from("d"), "");
    int seen = 0;
    const Status stopped = store->scan({}, [&](std::string_view, std::string_view) -> Status {
      ++seen;
      return retry("stop");
    });
    EXPECT_EQ(error_of(stopped), "stop");
    EXPECT_EQ(seen, 1);
    EXPECT_TRUE(store->flush());
  }
  EXPECT_GT(rocksdb->disk_bytes(), 0U);
}

TEST_F(RocksdbStoreTest, ACrashLeavesAConsistentPrefixAndTheTailBringsItUpToDate) {
  Changelog log;
  auto store = open_or_die(open_or_fail(path("store")), options_);
  Worker worker(*store, log);
  PaymentSource source(3, 50);
  std::vector<std::string> images;
  for (int commit = 0; commit < 60; ++commit) {
    for (int i = 0; i < 10; ++i) worker.stage(source.next());
    worker.commit();
    ASSERT_TRUE(store->write_back(4000, static_cast<std::uint64_t>(source.pick(5))));
    if (commit % 17 == 5) {
      ASSERT_TRUE(store->checkpoint());
    }
    if (commit % 7 == 0)
      images.push_back(crash_image(path("store"), "image" + std::to_string(commit)));
  }
  const auto expected = dump(*store);
  std::int64_t newest = 0;
  for (const std::string& image : images) {
    auto restored = open_or_die(open_or_fail(image), options_);
    newest = std::max(newest, restored->restore_from());
    ASSERT_EQ(error_of(restore_from(*restored, log)), "") << image;
    EXPECT_EQ(dump(*restored), expected) << image;
  }
  EXPECT_GT(newest, 0) << "some image must hold more than nothing";
}

TEST_F(RocksdbStoreTest, ACleanStopLosesNothing) {
  Changelog log;
  fill(path("store"), log);
  auto store = open_or_die(open_or_fail(path("store")), options_);
  EXPECT_EQ(store->restore_from(), log.end);
  auto reference = open_or_die(make_memory_store(), options_);
  ASSERT_TRUE(restore_from(*reference, log));
  EXPECT_EQ(dump(*store), dump(*reference));
}

TEST_F(RocksdbStoreTest, AFlippedByteIsRefusedOrWithoutEffect) {
  Changelog log;
  fill(path("store"), log);
  auto reference = open_or_die(open_or_fail(path("store")), options_);
  const auto expected = dump(*reference);
  reference.reset();
  const auto files = tables(path("store"));
  ASSERT_FALSE(files.empty());
  int refused = 0;
  int images = 0;
  for (const fs::path& file : files) {
    const std::uintmax_t size = fs::file_size(file);
    for (std::uintmax_t at = 0; at < size; at += size / 12 + 1) {
      const std::string image = crash_image(path("store"), "flip" + std::to_string(images++));
      flip(fs::path(image) / file.filename(), at);
      auto backing = open_rocksdb_store(image);
      if (!backing) {
        EXPECT_TRUE(is_fatal(backing)) << error_of(backing);
        ++refused;
        continue;
      }
      auto opened = UserStore::open(std::move(*backing), options_);
      if (!opened) {
        EXPECT_TRUE(is_fatal(opened)) << error_of(opened);
        ++refused;
        continue;
      }
      bool damaged = false;
      for (const auto& [id, bytes] : expected) {
        const auto user = (*opened)->get(id);
        if (!user) {
          EXPECT_TRUE(is_fatal(user)) << error_of(user);
          EXPECT_NE(error_of(user).find("rebuilt from the changelog"), std::string::npos);
          damaged = true;
        }
        const auto rows = (*opened)->window_rows(id, [](const EventRow&) {});
        if (!rows) {
          EXPECT_TRUE(is_fatal(rows)) << error_of(rows);
          damaged = true;
        }
      }
      if (damaged) {
        ++refused;
      } else {
        EXPECT_EQ(dump(**opened), expected) << "byte " << at;
      }
      fs::remove_all(image);
    }
  }
  EXPECT_GT(refused, images / 2) << "most bytes are data";
}

TEST_F(RocksdbStoreTest, ACutOrMissingTableIsRefused) {
  Changelog log;
  fill(path("store"), log);
  const fs::path table = tables(path("store")).front().filename();
  const std::string cut = crash_image(path("store"), "cut");
  fs::resize_file(fs::path(cut) / table, fs::file_size(fs::path(cut) / table) / 2);
  EXPECT_TRUE(is_fatal(open_rocksdb_store(cut)));
  const std::string missing = crash_image(path("store"), "missing");
  fs::remove(fs::path(missing) / table);
  const auto opened = open_rocksdb_store(missing);
  EXPECT_TRUE(is_fatal(opened)) << error_of(opened);
  EXPECT_NE(error_of(opened).find("rebuilt from the changelog"), std::string::npos);
}

TEST_F(RocksdbStoreTest, DamagedDirectoryFilesAreRefused) {
  Changelog log;
  fill(path("store"), log);
  const std::string no_manifest = crash_image(path("store"), "no-manifest");
  for (const auto& file : fs::directory_iterator(no_manifest)) {
    if (file.path().filename().string().starts_with("MANIFEST-")) fs::remove(file.path());
  }
  EXPECT_TRUE(is_fatal(open_rocksdb_store(no_manifest)));
  const std::string bad_current = crash_image(path("store"), "bad-current");
  std::ofstream(fs::path(bad_current) / "CURRENT", std::ios::trunc) << "garbage";
  EXPECT_TRUE(is_fatal(open_rocksdb_store(bad_current)));
}

TEST_F(RocksdbStoreTest, ADeletedDirectoryStartsFromTheChangelog) {
  Changelog log;
  fill(path("store"), log);
  fs::remove_all(path("store"));
  auto store = open_or_die(open_or_fail(path("store")), options_);
  EXPECT_EQ(store->restore_from(), 0);
  ASSERT_TRUE(restore_from(*store, log));
  EXPECT_FALSE(dump(*store).empty());
}

TEST_F(RocksdbStoreTest, AHeldStoreIsToBeTriedAgain) {
  auto first = open_or_fail(path("store"));
  const auto second = open_rocksdb_store(path("store"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kRetry);
  EXPECT_NE(error_of(second).find("held by another"), std::string::npos);
  const Status wiped = wipe_store(path("store"));
  EXPECT_EQ(wiped.error().kind, ErrorKind::kRetry);
  first.reset();
  EXPECT_TRUE(open_rocksdb_store(path("store")));
}

TEST_F(RocksdbStoreTest, AReaderSeesTheFlushedStoreWhileItsOwnerWorks) {
  Changelog log;
  fill(path("store"), log);
  auto owner = open_or_fail(path("store"));
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& file : fs::directory_iterator(path("store")))
      all.push_back(file.path().string());
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto before = names();
  {
    auto reader = open_or_die(open_or_fail(path("store"), true), options_);
    EXPECT_FALSE(dump(*reader).empty());
  }
  EXPECT_EQ(names(), before) << "a reader leaves nothing behind";
  EXPECT_TRUE(is_fatal(open_rocksdb_store(path("nowhere"), true)));
  EXPECT_FALSE(fs::exists(path("nowhere")));
}

TEST_F(RocksdbStoreTest, WipesAStoreEvenADamagedOne) {
  Changelog log;
  fill(path("store"), log);
  fs::remove(fs::path(path("store")) / "CURRENT");
  EXPECT_EQ(error_of(wipe_store(path("store"))), "");
  EXPECT_FALSE(fs::exists(path("store")));
  EXPECT_EQ(error_of(wipe_store(path("store"))), "") << "nothing there is fine";
}

TEST_F(RocksdbStoreTest, WipesNothingThatIsNotAStore) {
  Changelog log;
  fill(path("store"), log);
  std::ofstream(fs::path(path("store")) / "thesis.doc") << "years of work";
  const Status refused = wipe_store(path("store"));
  EXPECT_TRUE(is_fatal(refused));
  EXPECT_NE(error_of(refused).find("thesis.doc"), std::string::npos);
  EXPECT_FALSE(tables(path("store")).empty());
  fs::create_directories(path("other/home"));
  EXPECT_TRUE(is_fatal(wipe_store(path("other"))));
  std::ofstream(path("file")) << "x";
  EXPECT_TRUE(is_fatal(wipe_store(path("file"))));
  fs::create_symlink(path("store"), path("link"));
  EXPECT_TRUE(is_fatal(wipe_store(path("link"))));
}

}  // namespace
}  // namespace weir::state
