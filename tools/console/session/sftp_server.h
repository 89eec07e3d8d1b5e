// SftpServer: the subsystem sftp over a session of kind files, for what has no sftp-server that an exec could
// start (machines behind a Jumpoint, Jump Clients without OpenSSH).
//
//   read    the stream of a download, from its beginning to its end, as sftp and scp read
//   write   into a temporary file here; when it is closed, that file is uploaded, checked and put into its
//           place at once, with the mode and time that it was given
//   names   list, stat, make_folder, remove of common/files
//
// Renaming, links, and changing what is there are not to be had this way, and answered so. Requests are
// answered in their order.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/files/client.h"
#include "common/files/record.h"
#include "platform/folder.h"
#include "tools/console/session/opened_session.h"
#include "tools/console/ssh/server.h"
#include "tools/console/ssh/sftp_packet.h"

namespace jump::console {

class SftpServer {
 public:
  // `first`: what the client has sent already.
  SftpServer(OpenedSession& session, SshChannel& channel, Bytes first);
  ~SftpServer();

  // Until the client ends. Fault::closed when the session is over.
  Task<Result<void>> run();

 private:
  struct Download {
    explicit Download(std::unique_ptr<session::Stream> s) : stream(std::move(s)), reader(*stream) {}
    std::unique_ptr<session::Stream> stream;
    files::RecordReader reader;
    files::Entry entry;
    std::uint64_t position = 0;
    ByteView piece;  // not yet given to the client
    bool in_data = false;
    bool over = false;
  };
  struct Upload {
    explicit Upload(platform::File made) : file(std::move(made)) {}
    platform::File file;
    std::string local;  // the temporary file
    std::string path;
    sftp::Attributes attributes;
  };
  struct Folder {
    files::Listing listing;
    std::size_t at = 0;
  };
  struct Open {
    std::unique_ptr<Download> download;
    std::unique_ptr<Upload> upload;
    std::unique_ptr<Folder> folder;
  };

  Task<Result<void>> answer(Bytes packet);
  Task<Bytes> open(std::uint32_t id, std::string path, std::uint32_t flags, sftp::Attributes attributes);
  Task<Result<void>> begin_download(Open& open, std::string path);
  Result<void> begin_upload(Open& open, std::string path, sftp::Attributes attributes);
  Task<Bytes> close(std::uint32_t id, std::string handle);
  Task<Bytes> read(std::uint32_t id, Open* open, std::uint64_t offset, std::uint32_t size);
  Task<Result<ByteView>> next_piece(Download& download);
  Bytes write(std::uint32_t id, Open* open, std::uint64_t offset, std::string_view data);
  Task<Bytes> stat(std::uint32_t id, std::string path);
  Task<Bytes> open_folder(std::uint32_t id, std::string path);
  Bytes read_folder(std::uint32_t id, Open* open);
  Task<Bytes> make_folder(std::uint32_t id, std::string path);
  Task<Bytes> remove(std::uint32_t id, std::string path);
  Open* find(std::string_view handle);
  Bytes hand_out(std::uint32_t id, Open open);

  OpenedSession& session_;
  SshChannel& channel_;
  sftp::Cutter cutter_;
  std::map<std::string, Open, std::less<>> open_;
  std::uint64_t last_handle_ = 0;
  std::string temporary_;  // a folder of our own, once it is needed
};

}  // namespace jump::console
