#include "proxy/middleware/line_writer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <utility>

namespace sluice::proxy::middleware {
namespace {

// How long lines are gathered before they are written: twenty writes a second at most.
constexpr auto kGather = std::chrono::milliseconds(50);
// A buffer that a burst has made larger than this is given back.
constexpr std::size_t kKeptBuffer = std::size_t{1} << 20U;

}  // namespace

LineWriter::LineWriter(RotatingFile::Options file, std::size_t queue)
    : file_(std::move(file)),
      capacity_(std::max<std::size_t>(queue, 1)),
      enough_(std::max<std::size_t>(capacity_ / 2, 1)),
      thread_([this] { run(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::shared_ptr<LineWriter> LineWriter::shared(const RotatingFile::Options& file,
                                               std::size_t queue) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<LineWriter>> writers;
  const std::lock_guard lock(mutex);
  std::erase_if(writers, [](const auto& one) { return one.second.expired(); });
  auto& known = writers[file.path];
  auto writer = known.lock();
  if (writer == nullptr) {
    writer = std::make_shared<LineWriter>(file, queue);
    known = writer;
  } else {
    writer->change(file, queue);
  }
  return writer;
}

void LineWriter::change(const RotatingFile::Options& file, std::size_t queue) {
  const std::lock_guard lock(mutex_);
  wanted_ = file;
  capacity_ = std::max<std::size_t>(queue, 1);
  enough_ = std::max<std::size_t>(capacity_ / 2, 1);
}

void LineWriter::count_with(std::shared_ptr<metrics::MiddlewareInstruments> instruments) {
  const std::lock_guard lock(mutex_);
  instruments_ = std::move(instruments);
}

bool LineWriter::post(std::string_view line) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (lines_ >= capacity_ || queue_.size() + line.size() > kMaxQueuedBytes) {
      return false;
    }
    queue_ += line;
    ++lines_;
    // The thread waits for the first line, then gathers until there are enough.
    wake = lines_ == 1 || lines_ == enough_;
  }
  if (wake) {
    wake_.notify_one();
  }
  return true;
}

void LineWriter::reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  wake_.notify_one();
}

void LineWriter::drain() {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  wake_.notify_one();
  done_.wait(lock, [this] { return lines_ == 0 && !busy_ && !reopen_; });
}

void LineWriter::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return must_act(); });
    wake_.wait_for(lock, kGather, [this] { return must_not_wait(); });
    hurry_ = false;
    if (const auto wanted = std::exchange(wanted_, std::nullopt)) {
      file_.set_bounds(wanted->max_size, wanted->keep);
    }
    if (std::exchange(reopen_, false)) {
      file_.reopen();
    }
    if (lines_ == 0) {
      done_.notify_all();
      if (ending_) {
        return;
      }
      continue;
    }
    batch.clear();
    batch.swap(queue_);
    lines_ = 0;
    busy_ = true;
    lock.unlock();
    write(batch);
    if (batch.capacity() > kKeptBuffer) {
      batch = {};
    }
    lock.lock();
    busy_ = false;
    done_.notify_all();
  }
}

void LineWriter::write(std::string_view lines) {
  std::size_t lost = 0;
  try {
    lost = file_.write(lines);
  } catch (const std::bad_alloc&) {
    lost = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  }
  if (lost == 0) {
    return;
  }
  lost_.fetch_add(lost, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (instruments_ != nullptr) {
    instruments_->lost.add(lost);
  }
}

}  // namespace sluice::proxy::middleware
