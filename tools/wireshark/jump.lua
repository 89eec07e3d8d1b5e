-- Dissector for the tunnel protocol, common/mux/PROTOCOL.md. Frames of decrypted tunnels (a TLS key log file, ALPN
-- jump/1 or jump-console/1), of the local sockets between an endpoint's processes, and enrolments.
--
--   wireshark -X lua_script:tools/wireshark/jump.lua capture.pcapng
--   tshark -X lua_script:tools/wireshark/jump.lua -d tcp.port==7777,jump -r capture.pcap -O jump
--
-- Without ALPN and Decode As it also finds the protocol by itself in TCP, by the first frame of a direction.

local HEADER = 8
local MOST = 16384
local TAKEN_END = UInt64(0, 0x80000000)

local KINDS = {
  [1] = "hello", [2] = "welcome", [3] = "control", [4] = "ping", [5] = "pong", [6] = "go-away",
  [8] = "attach", [9] = "attached", [10] = "refused", [11] = "detached", [12] = "resume", [13] = "resumed",
  [14] = "leave", [16] = "data", [17] = "window", [18] = "end", [19] = "reset",
}
local GO_AWAY = {
  [1] = "shutting_down", [2] = "overloaded", [3] = "protocol", [4] = "version", [5] = "unauthenticated",
  [6] = "disabled", [7] = "removed", [8] = "replaced", [9] = "clone",
}
local REASONS = {
  [0] = "finished", [1] = "wait_limit", [2] = "ended_by_owner", [3] = "ended_by_administrator",
  [4] = "endpoint_restarted", [5] = "taken_over", [6] = "not_allowed", [7] = "not_found", [8] = "link_lost",
  [9] = "protocol", [10] = "not_yet", [11] = "let_go", [12] = "no_space", [13] = "failed",
}
local RESETS = { [0] = "closed", [1] = "cancelled", [2] = "refused", [3] = "failed", [4] = "too_many" }

local jump = Proto("jump", "Jump Tunnel Protocol")
local f = {
  kind = ProtoField.uint8("jump.kind", "Kind", base.DEC, KINDS),
  flags = ProtoField.uint8("jump.flags", "Flags", base.HEX),
  more = ProtoField.bool("jump.flags.more", "More follows"),
  held = ProtoField.bool("jump.flags.held", "Held by its credit"),
  length = ProtoField.uint16("jump.length", "Length"),
  slot = ProtoField.uint32("jump.slot", "Slot"),
  json = ProtoField.string("jump.json", "JSON"),
  token = ProtoField.uint64("jump.token", "Token", base.HEX),
  go_away = ProtoField.uint16("jump.go_away", "Code", base.DEC, GO_AWAY),
  retry = ProtoField.uint32("jump.retry_after", "Come back after (ms)"),
  text = ProtoField.string("jump.text", "Text"),
  session = ProtoField.bytes("jump.session", "Session"),
  secret = ProtoField.bytes("jump.secret", "Secret"),
  instance = ProtoField.bytes("jump.instance", "Instance"),
  count = ProtoField.uint64("jump.count", "Attach count"),
  wait_limit = ProtoField.uint32("jump.wait_limit", "Wait limit (s)"),
  reason = ProtoField.uint16("jump.reason", "Reason", base.DEC, REASONS),
  serial = ProtoField.uint32("jump.serial", "Attachment"),
  highest_console = ProtoField.uint32("jump.highest_console", "Highest stream of the console"),
  highest_endpoint = ProtoField.uint32("jump.highest_endpoint", "Highest stream of the endpoint"),
  stream = ProtoField.uint32("jump.stream", "Stream"),
  next = ProtoField.uint64("jump.next", "Next offset"),
  ended = ProtoField.bool("jump.ended", "The end was received"),
  start = ProtoField.uint64("jump.start", "Sends from"),
  offset = ProtoField.uint64("jump.offset", "Offset"),
  bytes = ProtoField.bytes("jump.data", "Bytes"),
  taken = ProtoField.uint64("jump.taken", "Taken"),
  allowed = ProtoField.uint64("jump.allowed", "Allowed"),
  final = ProtoField.uint64("jump.final", "Final offset"),
  reset = ProtoField.uint16("jump.reset", "Code", base.DEC, RESETS),
}
jump.fields = f
local broken = ProtoExpert.new("jump.broken", "Breaks a rule", expert.group.MALFORMED, expert.severity.ERROR)
local unknown = ProtoExpert.new("jump.unknown", "Unknown kind", expert.group.UNDECODED, expert.severity.NOTE)
jump.experts = { broken, unknown }

local function text_at(tree, body, at)
  if body:len() > at then tree:add(f.text, body(at)) end
end

local function json(tree, body)
  if body:len() > 0 then tree:add(f.json, body()) end
end

local function ping(tree, body)
  tree:add(f.token, body(0, 8))
end

local function notice(tree, body)
  tree:add(f.reason, body(0, 2))
  text_at(tree, body, 2)
  return REASONS[body(0, 2):uint()]
end

-- What each kind has in its body: the least and the most bytes of it, and how to show it. The last result is put in
-- the summary.
local BODIES = {
  [1] = { 0, 4096, json },
  [2] = { 0, 4096, json },
  [3] = { 1, MOST - HEADER, json },
  [4] = { 8, 8, ping },
  [5] = { 8, 8, ping },
  [6] = { 6, 518, function(tree, body)
    tree:add(f.go_away, body(0, 2))
    tree:add(f.retry, body(2, 4))
    text_at(tree, body, 6)
    return GO_AWAY[body(0, 2):uint()]
  end },
  [8] = { 72, 72, function(tree, body)
    tree:add(f.session, body(0, 16))
    tree:add(f.secret, body(16, 32))
    tree:add(f.instance, body(48, 16))
    tree:add(f.count, body(64, 8))
  end },
  [9] = { 4, 4, function(tree, body) tree:add(f.wait_limit, body(0, 4)) end },
  [10] = { 2, 514, notice },
  [11] = { 2, 514, notice },
  [12] = { 20, 20, function(tree, body)
    tree:add(f.serial, body(0, 4))
    tree:add(f.instance, body(4, 16))
    return "#" .. body(0, 4):uint()
  end },
  [13] = { 12, 12 + 512 * 20, function(tree, body)
    tree:add(f.serial, body(0, 4))
    tree:add(f.highest_console, body(4, 4))
    tree:add(f.highest_endpoint, body(8, 4))
    local streams = 0
    for at = 12, body:len() - 20, 20 do
      local entry = tree:add(f.stream, body(at, 4))
      local next_offset = body(at + 4, 8):uint64()
      local ended = next_offset >= TAKEN_END
      if ended then next_offset = next_offset - TAKEN_END end
      entry:add(f.next, body(at + 4, 8), next_offset)
      entry:add(f.ended, body(at + 4, 1), ended)
      entry:add(f.start, body(at + 12, 8))
      streams = streams + 1
    end
    return "#" .. body(0, 4):uint() .. ", " .. streams .. " streams"
  end },
  [14] = { 2, 514, notice },
  [16] = { 13, MOST - HEADER, function(tree, body)
    tree:add(f.stream, body(0, 4))
    tree:add(f.offset, body(4, 8))
    tree:add(f.bytes, body(12))
    return body(0, 4):uint() .. " at " .. tostring(body(4, 8):uint64()) .. ", " .. body:len() - 12 .. " bytes"
  end },
  [17] = { 20, 20, function(tree, body)
    tree:add(f.stream, body(0, 4))
    tree:add(f.taken, body(4, 8))
    tree:add(f.allowed, body(12, 8))
    return body(0, 4):uint() .. " taken " .. tostring(body(4, 8):uint64()) .. " allowed " .. tostring(body(12, 8):uint64())
  end },
  [18] = { 12, 12, function(tree, body)
    tree:add(f.stream, body(0, 4))
    tree:add(f.final, body(4, 8))
    return body(0, 4):uint() .. " at " .. tostring(body(4, 8):uint64())
  end },
  [19] = { 6, 518, function(tree, body)
    tree:add(f.stream, body(0, 4))
    tree:add(f.reset, body(4, 2))
    text_at(tree, body, 6)
    return body(0, 4):uint() .. " " .. (RESETS[body(4, 2):uint()] or "")
  end },
}

local function frame_length(buffer, _, at)
  return math.max(buffer(at + 2, 2):uint(), HEADER)
end

local function show_frame(buffer, pinfo, root)
  local kind = buffer(0, 1):uint()
  local length = buffer(2, 2):uint()
  local name = KINDS[kind] or ("kind " .. kind)
  pinfo.cols.protocol = "JUMP"
  local tree = root:add(jump, buffer(), "Jump " .. name)
  tree:add(f.kind, buffer(0, 1))
  local flags = tree:add(f.flags, buffer(1, 1))
  if kind == 3 then flags:add(f.more, buffer(1, 1), buffer(1, 1):bitfield(7) == 1) end
  if kind == 16 then flags:add(f.held, buffer(1, 1), buffer(1, 1):bitfield(7) == 1) end
  tree:add(f.length, buffer(2, 2))
  tree:add(f.slot, buffer(4, 4))
  local summary
  local shape = BODIES[kind]
  local size = buffer:len() - HEADER
  if length < HEADER or length > MOST then
    tree:add_proto_expert_info(broken, "length " .. length .. ", 8 to 16384 are possible")
  elseif shape == nil then
    tree:add_proto_expert_info(kind < 128 and broken or unknown, name)
  elseif size < shape[1] or size > shape[2] then
    tree:add_proto_expert_info(broken, name .. " with a body of " .. size .. " bytes")
  elseif (kind < 8) ~= (buffer(4, 4):uint() == 0) then
    tree:add_proto_expert_info(broken, name .. " with slot " .. buffer(4, 4):uint())
  elseif size > 0 then
    summary = shape[3](tree, buffer(HEADER):tvb())
  end
  if summary then
    tree:append_text(" " .. summary)
    name = name .. " " .. summary
  end
  pinfo.cols.info:append((tostring(pinfo.cols.info) == "" and "" or ", ") .. name)
  return buffer:len()
end

function jump.dissector(buffer, pinfo, root)
  pinfo.cols.info = ""
  dissect_tcp_pdus(buffer, root, HEADER, frame_length, show_frame)
  return buffer:len()
end

-- Only what can be the first frame of a direction, with nothing wrong in it.
local FIRST = { [1] = true, [2] = true, [6] = true, [8] = true, [9] = true, [10] = true }
jump:register_heuristic("tcp", function(buffer, pinfo, root)
  if buffer:len() < HEADER then return false end
  local kind = buffer(0, 1):uint()
  local length = buffer(2, 2):uint()
  local shape = BODIES[kind]
  if not FIRST[kind] or buffer(1, 1):uint() ~= 0 then return false end
  if length - HEADER < shape[1] or length - HEADER > shape[2] then return false end
  if (kind < 8) ~= (buffer(4, 4):uint() == 0) then return false end
  if kind < 3 and (buffer:len() == HEADER or buffer(HEADER, 1):uint() ~= 0x7B) then return false end
  pinfo.conversation = jump
  jump.dissector(buffer, pinfo, root)
  return true
end)

local enroll = Proto("jump_enroll", "Jump Enrolment")
local e = {
  length = ProtoField.uint32("jump_enroll.length", "Length"),
  json = ProtoField.string("jump_enroll.json", "JSON"),
}
enroll.fields = e
function enroll.dissector(buffer, pinfo, root)
  local function message_length(bytes, _, at)
    return 4 + bytes(at, 4):uint()
  end
  local function show(bytes, info, top)
    info.cols.protocol = "JUMP-ENROLL"
    local tree = top:add(enroll, bytes())
    tree:add(e.length, bytes(0, 4))
    if bytes:len() > 4 then tree:add(e.json, bytes(4)) end
    return bytes:len()
  end
  dissect_tcp_pdus(buffer, root, 4, message_length, show)
  return buffer:len()
end

local alpn = DissectorTable.get("tls.alpn")
alpn:add("jump/1", jump)
alpn:add("jump-console/1", jump)
alpn:add("jump-enroll/1", enroll)
DissectorTable.get("tcp.port"):add_for_decode_as(jump)
