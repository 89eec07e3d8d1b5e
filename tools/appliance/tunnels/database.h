// Database: the store and the API on a thread of their own, so that a commit never holds up a keystroke.
// Functions run there one after the other, in the order they were asked.
#pragma once

#include <memory>
#include <type_traits>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/task_group.h"
#include "tools/appliance/api/api.h"
#include "tools/appliance/store/store.h"

namespace jump::appliance {

struct Backend {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<api::Api> api;
};

class Database {
 public:
  explicit Database(Backend backend) : backend_(std::move(backend)), thread_(1) {}
  // Everything asked is done first.
  ~Database() { thread_.join(); }

  // Runs `function(backend)` on the database thread and returns what it returned. Not cancellable: what was
  // asked is done, even when the asker has gone.
  template <typename F>
  Task<std::invoke_result_t<F, Backend&>> run(F function) {
    using R = std::invoke_result_t<F, Backend&>;
    auto start = [this](auto handler, F work) {
      asio::post(thread_, [this, handler = std::move(handler), work = std::move(work)]() mutable {
        R result = work(backend_);
        auto back = asio::get_associated_executor(handler);
        asio::dispatch(back, [handler = std::move(handler), result = std::move(result)]() mutable {
          std::move(handler)(std::move(result));
        });
      });
    };
    return asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(std::move(start), asio::use_awaitable,
                                                                        std::move(function));
  }

 private:
  Backend backend_;
  asio::thread_pool thread_;
};

}  // namespace jump::appliance
