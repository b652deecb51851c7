#include "proxy/file_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>

#include "tests/proxy/tls_fixtures.hpp"

namespace sluice::proxy {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::Pair;

struct FileWatchTest : testing::Test {
  // What was told is there as soon as the call that caused it has returned.
  bool told() {
    pollfd one{watch.fd(), POLLIN, 0};
    return ::poll(&one, 1, 0) > 0 && watch.take();
  }
  // Another file in the place of `name`, at once.
  void replace(const std::string& name, const std::string& text) {
    fs::rename(folder.write("new", text), folder.path(name));
  }

  test::TemporaryDirectory folder;
  FileWatch watch;
};

TEST_F(FileWatchTest, AFileThatIsWrittenOrReplacedIsTold) {
  const std::string file = folder.write("file", "one");
  ASSERT_TRUE(watch.watch({file}).ok());
  EXPECT_FALSE(told());
  folder.write("file", "two");
  EXPECT_TRUE(told());
  EXPECT_FALSE(told()) << "once";
  replace("file", "three");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, AnotherFileOfTheFolderIsNot) {
  ASSERT_TRUE(watch.watch({folder.write("file", "one")}).ok());
  folder.write("other", "two");
  EXPECT_FALSE(told());
}

TEST_F(FileWatchTest, AFileThatIsYetToComeIsTold) {
  ASSERT_TRUE(watch.watch({folder.path("later")}).ok());
  folder.write("later", "");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, ALinkOnTheWayThatPointsElsewhereIsTold) {
  fs::create_directory(folder.path("v1"));
  fs::create_directory(folder.path("v2"));
  folder.write("v1/file", "one");
  folder.write("v2/file", "two");
  fs::create_symlink("v1", folder.path("..data"));
  fs::create_symlink("..data/file", folder.path("file"));
  ASSERT_TRUE(watch.watch({folder.path("file")}).ok());
  fs::create_symlink("v2", folder.path("..data_tmp"));
  fs::rename(folder.path("..data_tmp"), folder.path("..data"));
  EXPECT_TRUE(told());
  ASSERT_TRUE(watch.watch({folder.path("file")}).ok());
  EXPECT_FALSE(told());
  folder.write("v1/file", "nobody's");
  EXPECT_FALSE(told());
  folder.write("v2/file", "three");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, AFolderThatIsNotThereIsLeftOut) {
  EXPECT_TRUE(watch.watch({folder.path("none/file")}).ok());
}

TEST_F(FileWatchTest, TheStepsOfALoopEnd) {
  fs::create_symlink("b", folder.path("a"));
  fs::create_symlink("a", folder.path("b"));
  EXPECT_THAT(steps_of(folder.path("a")), Contains(Pair(testing::_, "b")));
  EXPECT_THAT(steps_of("/"), ElementsAre());
}

}  // namespace
}  // namespace sluice::proxy
