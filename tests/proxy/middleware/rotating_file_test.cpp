#include "proxy/middleware/rotating_file.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "scratch_folder.hpp"
#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

namespace fs = std::filesystem;

TEST(RotatingFile, AppendsToWhatIsThereAndIsNotForEverybody) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  {
    RotatingFile file({path, 0, 0});
    EXPECT_FALSE(fs::exists(path));  // before the first line
    EXPECT_EQ(file.write("a\n"), 0U);
  }
  RotatingFile file({path, 0, 0});
  EXPECT_EQ(file.write("b\nc\n"), 0U);
  EXPECT_EQ(content(path), "a\nb\nc\n");
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0137U, 0U);
}

TEST(RotatingFile, IsRotatedBetweenLinesBeforeItIsTooLarge) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  RotatingFile file({path, 10, 2});
  EXPECT_EQ(file.write("aaa\nbbb\nccc\nddd\n"), 0U);
  EXPECT_EQ(content(path), "ccc\nddd\n");
  EXPECT_EQ(content(path + ".1"), "aaa\nbbb\n");
  EXPECT_EQ(file.write("eee\n"), 0U);
  EXPECT_EQ(file.write("longer than a whole file\nf\n"), 0U);
  EXPECT_EQ(content(path), "f\n");
  EXPECT_EQ(content(path + ".1"), "longer than a whole file\n");
  EXPECT_EQ(content(path + ".2"), "eee\n");
  EXPECT_FALSE(fs::exists(path + ".3"));
}

TEST(RotatingFile, KeepsNothingWhereNothingIsToBeKept) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  RotatingFile file({path, 4, 0});
  EXPECT_EQ(file.write("aaa\nbbb\n"), 0U);
  EXPECT_EQ(content(path), "bbb\n");
  EXPECT_FALSE(fs::exists(path + ".1"));
}

TEST(RotatingFile, IsOpenedAnewWhenItWasMovedAway) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  RotatingFile file({path, 0, 0});
  EXPECT_EQ(file.write("a\n"), 0U);
  fs::rename(path, folder / "moved");
  EXPECT_EQ(file.write("b\n"), 0U);
  file.reopen();
  EXPECT_EQ(file.write("c\n"), 0U);
  EXPECT_EQ(content(folder / "moved"), "a\nb\n");
  EXPECT_EQ(content(path), "c\n");
}

TEST(RotatingFile, AFullDiskLosesLinesAndIsToldOfOnce) {
  LogCapture log;
  RotatingFile file({"/dev/full", 100, 1});
  EXPECT_EQ(file.write("a\nb\n"), 2U);
  EXPECT_EQ(file.write("c\n"), 1U);
  const std::string text = log.text();
  EXPECT_EQ(LogCapture::count(text, "audit_file_failed"), 1U) << text;
  EXPECT_NE(text.find("No space left on device"), std::string::npos) << text;
}

TEST(RotatingFile, GoesOnWhenItWorksAgainAndTellsWhatWasLost) {
  LogCapture log;
  const ScratchFolder folder;
  const std::string path = folder / "later/audit";
  RotatingFile file({path, 0, 0});
  EXPECT_EQ(file.write("a\nb\n"), 2U);
  EXPECT_EQ(file.write("c\n"), 1U);
  fs::create_directory(folder / "later");
  EXPECT_EQ(file.write("d\n"), 0U);
  EXPECT_EQ(file.write("e\n"), 0U);
  EXPECT_EQ(content(path), "d\ne\n");
  const std::string text = log.text();
  EXPECT_EQ(LogCapture::count(text, "audit_file_failed"), 1U) << text;
  EXPECT_EQ(LogCapture::count(text, "audit_file_works_again"), 1U) << text;
  EXPECT_NE(text.find("lines_lost=3"), std::string::npos) << text;
}

// Stands for a disk that fills up in the middle of a line.
class ShortFiles {
 public:
  explicit ShortFiles(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~ShortFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  ShortFiles(const ShortFiles&) = delete;
  ShortFiles& operator=(const ShortFiles&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(RotatingFile, NeverLeavesPartOfALine) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  RotatingFile file({path, 0, 0});
  std::size_t lost = 0;
  {
    const ShortFiles full(10);
    lost = file.write("aaa\nbbb\nccc\nddd\n");
  }
  EXPECT_EQ(lost, 2U);
  EXPECT_EQ(content(path), "aaa\nbbb\n");
  EXPECT_EQ(file.write("eee\n"), 0U);
  EXPECT_EQ(content(path), "aaa\nbbb\neee\n");
}

TEST(RotatingFile, EndsALineThatACrashHasCut) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  fill(path, "a\nb");
  RotatingFile file({path, 0, 0});
  EXPECT_EQ(file.write("c\n"), 0U);
  EXPECT_EQ(content(path), "a\nb\nc\n");
}

TEST(RotatingFile, FollowsNoLink) {
  const ScratchFolder folder;
  const std::string link = folder / "audit";
  fill(folder / "target", "");
  fs::create_symlink(folder / "target", link);
  const auto usable = RotatingFile::usable(link);
  ASSERT_FALSE(usable);
  EXPECT_NE(usable.failure().text.find(link + ": it is a symbolic link"), std::string::npos)
      << usable.failure().text;
  RotatingFile file({link, 0, 0});  // it may have become one since
  EXPECT_EQ(file.write("a\n"), 1U);
  EXPECT_EQ(content(folder / "target"), "");
}

TEST(RotatingFile, SaysBeforehandWhatCannotBeUsed) {
  const ScratchFolder folder;
  EXPECT_TRUE(RotatingFile::usable(folder / "audit"));
  EXPECT_FALSE(fs::exists(folder / "audit"));  // looking leaves nothing behind
  EXPECT_TRUE(RotatingFile::usable("/dev/full"));
  EXPECT_FALSE(RotatingFile::usable(""));
  const auto missing = RotatingFile::usable(folder / "none/audit");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.failure().text.find(folder / "none"), std::string::npos)
      << missing.failure().text;
  fs::create_directory(folder / "folder");
  const auto a_folder = RotatingFile::usable(folder / "folder");
  ASSERT_FALSE(a_folder);
  EXPECT_NE(a_folder.failure().text.find("it is a folder"), std::string::npos);
}

TEST(RotatingFile, AFileThatSomebodyRemovedIsMadeAgainWhenItIsRotated) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  RotatingFile file({path, 4, 1});
  EXPECT_EQ(file.write("aaa\n"), 0U);
  fs::remove(path);
  EXPECT_EQ(file.write("bbb\n"), 0U);
  EXPECT_EQ(content(path), "bbb\n");
}

}  // namespace
}  // namespace sluice::proxy::middleware
