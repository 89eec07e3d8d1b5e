// Whatever a sender says, against the receiver: nothing may appear outside the target, and nothing may hang
// or break.
#include <filesystem>

#include <boost/asio/io_context.hpp>

#include "common/files/record.h"
#include "common/files/transfer.h"
#include "tests/support/memory_session.h"
#include "tests/support/temp_folder.h"

namespace {

using namespace jump;
namespace fs = std::filesystem;

Task<> say(session::Stream& stream, ByteView bytes) {
  const Result<void> written = co_await stream.write(bytes);
  stream.end();
}

Task<> receive(std::unique_ptr<session::Stream> stream, std::string path) {
  files::Destination destination;
  destination.path = std::move(path);
  const Result<files::TransferResult> result =
      co_await files::receive_tree(*stream, std::move(destination), files::ReceiveOptions(), nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  static test::TempFolder folder;
  const fs::path to = folder.path() / "to";
  fs::create_directories(to);
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  test::MemorySessionPair pair(io.get_executor());
  const std::unique_ptr<session::Stream> sender = *pair.console().open_stream();
  group.spawn("receive", receive(*pair.endpoint().adopt_stream(sender->number()), to.string()));
  group.spawn("say", say(*sender, ByteView(data, size)));
  while (!group.empty() && io.run_one_for(std::chrono::seconds(5)) != 0) {
    // A receiver that has got everything waits for us to take its result.
    if (io.poll() == 0 && !group.empty()) pair.close("over");
  }
  if (!group.empty()) __builtin_trap();
  if (std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) != 1) __builtin_trap();
  fs::remove_all(to);
  return 0;
}
