// Session kind files on an SSH target: the same streams and records as on a Jump Client
// (common/files/FORMAT.md), with the target's file system behind SFTP. What SFTP has no word for is left out:
// times are whole seconds, and a partial file has no lock.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/files/requests.h"
#include "common/session/stream_io.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/sftp_client.h"

namespace jump::bridge {

Task<Result<void>> serve_sftp(SshConnection& connection, Conversation& person);

// get and put, on absolute paths. The stream is over afterwards, or was not reset and the error says why.
Task<Result<void>> sftp_get(SftpClient& client, session::Stream& stream, files::GetStart start);
Task<Result<void>> sftp_put(SftpClient& client, session::Stream& stream, files::PutStart start);

inline constexpr std::size_t kSftpNamesMost = 1'000'000;  // in one folder

// As a record; nothing for what is neither file, folder nor link. The target of a link is not looked up.
std::optional<files::Entry> sftp_entry(const std::string& path, const SftpAttributes& attributes);

}  // namespace jump::bridge
