#include "proxy/worker.hpp"

#include <pthread.h>

#include <string>

namespace sluice::proxy {

void Worker::start() {
  thread_ = std::thread([this] { loop.run(); });
  pthread_setname_np(thread_.native_handle(), ("worker-" + std::to_string(index)).c_str());
}

void Worker::stop() {
  if (thread_.joinable()) {
    loop.call([this] { loop.stop(); });
    thread_.join();
  }
}

}  // namespace sluice::proxy
