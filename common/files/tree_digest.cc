#include "common/files/tree_digest.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace jump::files {

Task<> give_way() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

Task<Result<identity::Sha256>> hash_prefix(const platform::File& file, std::uint64_t size) {
  identity::Sha256 hash;
  Bytes piece(256 * 1024);
  std::uint64_t at = 0;
  while (at < size) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - at));
    const Result<std::size_t> got = file.read_at(at, std::span(piece).first(wanted));
    if (!got) co_return got.error();
    if (*got == 0) co_return Error(Fault::closed, "the file became shorter");
    hash.update(ByteView(piece.data(), *got));
    at += *got;
    co_await give_way();
  }
  co_return std::move(hash);
}

}  // namespace jump::files
