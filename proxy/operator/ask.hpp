#pragma once

// Asks every worker about its sessions or backends, on its own thread, and waits for the answers.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "proxy/server.hpp"
#include "proxy/worker.hpp"

namespace sluice::proxy::op {

// A worker that has not answered by then is left out of the answer.
inline constexpr auto kAnswerLimit = std::chrono::seconds(1);
// So many elements are looked at in one turn of a loop, so that its queries go on.
inline constexpr std::size_t kAskedPerTurn = 128;

template <typename T, typename Element>
class Question : public std::enable_shared_from_this<Question<T, Element>> {
 public:
  using Elements = std::set<Element*> Worker::*;
  // Adds to the answer what there is to say of one element. It may outlive the question: it
  // captures no reference to what the asker owns.
  using Look = std::function<void(Element&, std::vector<T>&)>;

  Question(Elements elements, Look look) : elements_(elements), look_(std::move(look)) {}

  // Not on a worker's thread.
  std::vector<T> ask(Server& server) {
    missing_ = server.worker_count();
    for (std::size_t i = 0; i < server.worker_count(); ++i) {
      Worker& worker = server.worker(i);
      worker.loop.call(
          [self = this->shared_from_this(), &worker] { self->go_on(worker, nullptr); });
    }
    std::unique_lock lock(mutex_);
    answered_.wait_for(lock, kAnswerLimit, [this] { return missing_ == 0; });
    return std::move(answer_);
  }

 private:
  // From the element after `last`, which may have gone since; null: from the first.
  void go_on(Worker& worker, Element* last) {
    const std::set<Element*>& elements = worker.*elements_;
    std::vector<T> found;
    std::size_t turn = kAskedPerTurn;
    auto at = last != nullptr ? elements.upper_bound(last) : elements.begin();
    for (; at != elements.end() && turn > 0; --turn) {
      last = *at;
      look_(*last, found);
      at = elements.upper_bound(last);  // `look_` may have ended some
    }
    const bool all = at == elements.end();
    {
      const std::lock_guard lock(mutex_);
      answer_.insert(answer_.end(), std::make_move_iterator(found.begin()),
                     std::make_move_iterator(found.end()));
      missing_ -= all ? 1 : 0;
    }
    if (all) {
      answered_.notify_one();
    } else {
      worker.loop.call(
          [self = this->shared_from_this(), &worker, last] { self->go_on(worker, last); });
    }
  }

  const Elements elements_;
  const Look look_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<T> answer_;
  std::size_t missing_ = 0;
};

// Empty unless the server runs.
template <typename T, typename Element>
std::vector<T> ask_workers(Server& server, std::set<Element*> Worker::*elements,
                           typename Question<T, Element>::Look look) {
  if (!server.running()) {
    return {};
  }
  return std::make_shared<Question<T, Element>>(elements, std::move(look))->ask(server);
}

}  // namespace sluice::proxy::op
