#include "platform/windows/object_wait.h"

#include <windows.h>

#include <boost/asio/post.hpp>

#include "common/base/check.h"

namespace jump::platform {

// The pool's callback only posts; what it posts holds this, so that it may run after the wait is gone.
struct ObjectWait::Shared {
  explicit Shared(asio::any_io_executor e) : executor(e), rang(e) {}

  static void CALLBACK ring(void* context, BOOLEAN) {
    const auto* shared = static_cast<Shared*>(context);
    asio::post(shared->executor, [kept = shared->self] { kept->rang.set(); });
  }

  asio::any_io_executor executor;
  Event rang;
  std::shared_ptr<Shared> self;  // as long as a wait is registered
  HANDLE wait = nullptr;
};

ObjectWait::ObjectWait(asio::any_io_executor executor, void* object)
    : object_(object), shared_(std::make_shared<Shared>(executor)) {}

ObjectWait::~ObjectWait() {
  // Until no callback runs any more.
  if (shared_->wait != nullptr) ::UnregisterWaitEx(shared_->wait, INVALID_HANDLE_VALUE);
  shared_->self.reset();
}

Task<> ObjectWait::signalled() {
  while (::WaitForSingleObject(object_, 0) != WAIT_OBJECT_0) {
    if (shared_->wait != nullptr) ::UnregisterWaitEx(shared_->wait, INVALID_HANDLE_VALUE);
    shared_->wait = nullptr;
    shared_->self = shared_;
    CHECK(::RegisterWaitForSingleObject(&shared_->wait, object_, &Shared::ring, shared_.get(), INFINITE,
                                        WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD));
    co_await shared_->rang.wait();
  }
}

}  // namespace jump::platform
