#include "proxy/middleware/line_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "scratch_folder.hpp"
#include "stage.hpp"

namespace sluice::proxy::middleware {
namespace {

std::size_t lines_of(std::string_view text) {
  return LogCapture::count(text, "\n");
}

TEST(LineWriter, WritesInOrderWhatWasPostedBeforeItEnds) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  {
    LineWriter writer({path, 0, 0}, 100);
    EXPECT_TRUE(writer.post("a\n"));
    EXPECT_TRUE(writer.post("b\n"));
    writer.drain();
    EXPECT_EQ(content(path), "a\nb\n");
    EXPECT_TRUE(writer.post("c\n"));
  }
  EXPECT_EQ(content(path), "a\nb\nc\n");
}

TEST(LineWriter, ReopensWhatWasMovedAway) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  LineWriter writer({path, 0, 0}, 100);
  EXPECT_TRUE(writer.post("a\n"));
  writer.drain();
  std::filesystem::rename(path, folder / "moved");
  writer.reopen();
  writer.drain();
  EXPECT_TRUE(writer.post("b\n"));
  writer.drain();
  EXPECT_EQ(content(folder / "moved"), "a\n");
  EXPECT_EQ(content(path), "b\n");
}

TEST(LineWriter, ALineFromEachThreadStaysWhole) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  std::atomic<std::size_t> dropped{0};
  {
    LineWriter writer({path, 0, 0}, 4000);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        const std::string line(50, static_cast<char>('a' + thread));
        for (int at = 0; at < 5000; ++at) {
          dropped += writer.post(line + "\n") ? 0 : 1;
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  std::istringstream lines(content(path));
  std::size_t whole = 0;
  for (std::string line; std::getline(lines, line); ++whole) {
    ASSERT_EQ(line, std::string(50, line[0]));
  }
  EXPECT_EQ(whole + dropped, 20000U);
}

// A reader that never reads stands for a disk that hangs: whoever posts gets through all the same.
TEST(LineWriter, AHundredThousandLinesBlockNobodyWhileNothingCanBeWritten) {
  const ScratchFolder folder;
  const std::string path = folder / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const std::string line = std::string(99, 'x') + "\n";
  std::size_t accepted = 0;
  std::size_t received = 0;
  std::size_t lost = 0;
  {
    LineWriter writer({path, 0, 0}, 10000);
    for (int at = 0; at < 100'000; ++at) {
      accepted += writer.post(line) ? 1 : 0;
    }
    EXPECT_GE(accepted, 10000U);
    EXPECT_LT(accepted, 100'000U);
    std::thread reading([&] {
      std::array<char, 65536> block{};
      pollfd ready{reader, POLLIN, 0};
      while (received + writer.lost() < accepted && ::poll(&ready, 1, 10000) > 0) {
        const ssize_t got = ::read(reader, block.data(), block.size());
        received += got > 0 ? lines_of({block.data(), static_cast<std::size_t>(got)}) : 0;
      }
    });
    reading.join();
    lost = writer.lost();
  }
  ::close(reader);
  EXPECT_EQ(received + lost, accepted);
}

TEST(LineWriter, WhatDoesNotFitIsRefusedAndWhatCannotBeWrittenIsCounted) {
  const auto instruments = std::make_shared<metrics::MiddlewareInstruments>();
  LineWriter writer({"/dev/full", 0, 0}, 1000);
  writer.count_with(instruments);
  EXPECT_FALSE(writer.post(std::string(LineWriter::kMaxQueuedBytes + 1, 'x')));
  EXPECT_TRUE(writer.post("a\n"));
  EXPECT_TRUE(writer.post("b\n"));
  writer.drain();
  EXPECT_EQ(writer.lost(), 2U);
  EXPECT_EQ(instruments->lost.value(), 2U);
}

TEST(LineWriter, OneFileHasOneWriter) {
  const ScratchFolder folder;
  const RotatingFile::Options file{folder / "audit", 0, 0};
  const auto first = LineWriter::shared(file, 10);
  EXPECT_EQ(LineWriter::shared(file, 10), first);
  EXPECT_NE(LineWriter::shared({folder / "other", 0, 0}, 10), first);
}

TEST(LineWriter, TheLastWhoAsksForAFileSaysHowItIsRotated) {
  const ScratchFolder folder;
  const std::string path = folder / "audit";
  const auto first = LineWriter::shared({path, 0, 0}, 10);
  first->post("one\n");
  first->drain();
  const auto second = LineWriter::shared({path, 1, 1}, 10);
  second->post("two\n");
  second->drain();
  EXPECT_TRUE(std::filesystem::exists(path + ".1"));
}

}  // namespace
}  // namespace sluice::proxy::middleware
