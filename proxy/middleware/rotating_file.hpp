#pragma once

// A file of lines that is appended to, rotated by its size, and opened anew when it was moved away.
// A write that fails loses its lines and nothing else: the next one tries again. What went wrong is
// logged once when it begins and once when it is over. One thread at a time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace sluice::proxy::middleware {

class RotatingFile {
 public:
  struct Options {
    std::string path;
    std::size_t max_size = 0;  // bytes; 0 = never rotated
    std::size_t keep = 0;      // rotated files: path.1 is the youngest
  };

  // Nothing is opened before the first write.
  explicit RotatingFile(Options options);
  ~RotatingFile();
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  // Whether this process could write there, as far as that can be told without touching anything.
  // A symbolic link is refused: who may write in its folder could point it at any file of ours.
  static protocol::Status usable(const std::string& path);

  // Whole lines, each with its newline. Returns how many could not be written.
  std::size_t write(std::string_view lines);
  // From now on it is rotated so.
  void set_bounds(std::size_t max_size, std::size_t keep);
  // The next write opens the path again.
  void reopen() { close(); }

 private:
  bool open();
  void close();
  void rotate();
  std::size_t room() const;
  int put(std::string_view part, std::size_t& written);
  void undo_part_of_line(std::size_t whole, std::size_t written);
  void note_failure(std::string_view action, int error, std::size_t lines);
  void note_success();

  Options options_;
  int fd_ = -1;
  bool regular_ = false;  // and named by itself: may be renamed and cut
  bool torn_ = false;     // its last line has no end
  std::uint64_t size_ = 0;
  std::uint64_t rotate_at_ = 0;
  bool outage_ = false;
  std::uint64_t outage_lines_ = 0;
};

}  // namespace sluice::proxy::middleware
