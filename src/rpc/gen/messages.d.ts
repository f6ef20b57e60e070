// Generated from proto/ by tools/generate_codecs.ts. Do not edit.

/** Bytes being written. */
export interface Writer {
  finish(): Uint8Array;
}

/** Encodes and decodes messages of one type. */
export interface Codec<T> {
  encode(message: T, writer?: Writer): Writer;
  /** Throws on bytes that are not of this type. */
  decode(bytes: Uint8Array): T;
}

export namespace jmessage {
  export namespace v1 {
    export interface CreateAccountRequest {
      requestId: string;
      name: string;
      password: string;
    }
    export const CreateAccountRequest: Codec<CreateAccountRequest>;
    export interface CreateAccountResponse {
    }
    export const CreateAccountResponse: Codec<CreateAccountResponse>;
    export interface LoginRequest {
      requestId: string;
      name: string;
      password: string;
    }
    export const LoginRequest: Codec<LoginRequest>;
    export interface LoginResponse {
      token: string;
      name: string;
    }
    export const LoginResponse: Codec<LoginResponse>;
    export interface LogoutRequest {
      requestId: string;
      all: boolean;
    }
    export const LogoutRequest: Codec<LogoutRequest>;
    export interface LogoutResponse {
    }
    export const LogoutResponse: Codec<LogoutResponse>;
    export interface DeleteAccountRequest {
      requestId: string;
    }
    export const DeleteAccountRequest: Codec<DeleteAccountRequest>;
    export interface DeleteAccountResponse {
    }
    export const DeleteAccountResponse: Codec<DeleteAccountResponse>;
    export interface ListUsersRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export const ListUsersRequest: Codec<ListUsersRequest>;
    export interface ListUsersResponse {
      users: readonly jmessage.v1.User[];
      nextPageToken: string;
    }
    export const ListUsersResponse: Codec<ListUsersResponse>;
    export interface User {
      name: string;
      online: boolean;
      lastSeen?: google.protobuf.Timestamp | null;
    }
    export const User: Codec<User>;
    export interface SendMessageRequest {
      requestId: string;
      to: string;
      body: string;
    }
    export const SendMessageRequest: Codec<SendMessageRequest>;
    export interface SendMessageResponse {
      id: string;
      seq: number;
      position: string;
      acceptedAt?: google.protobuf.Timestamp | null;
    }
    export const SendMessageResponse: Codec<SendMessageResponse>;
    export interface Message {
      id: string;
      seq: number;
      position: string;
      from: string;
      to: string;
      body: string;
      sentAt?: google.protobuf.Timestamp | null;
      acknowledged: boolean;
    }
    export const Message: Codec<Message>;
    export interface GetMessagesRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export const GetMessagesRequest: Codec<GetMessagesRequest>;
    export interface GetMessagesResponse {
      messages: readonly jmessage.v1.Message[];
      nextPageToken: string;
    }
    export const GetMessagesResponse: Codec<GetMessagesResponse>;
    export interface GetChatRequest {
      with: string;
      limit?: number | null;
      before?: string | null;
      after?: string | null;
    }
    export const GetChatRequest: Codec<GetChatRequest>;
    export interface GetChatResponse {
      messages: readonly jmessage.v1.Message[];
      more: boolean;
    }
    export const GetChatResponse: Codec<GetChatResponse>;
    export interface AcknowledgeMessagesRequest {
      requestId: string;
      ids: readonly string[];
      upTo: string;
    }
    export const AcknowledgeMessagesRequest: Codec<AcknowledgeMessagesRequest>;
    export interface AcknowledgeMessagesResponse {
      acknowledged: number;
      more: boolean;
    }
    export const AcknowledgeMessagesResponse: Codec<AcknowledgeMessagesResponse>;
    export interface SubscribeRequest {
      positions: readonly string[];
      fromUnacknowledged: boolean;
    }
    export const SubscribeRequest: Codec<SubscribeRequest>;
    export interface SubscribeResponse {
      message?: jmessage.v1.Message | null;
      heartbeat?: jmessage.v1.Heartbeat | null;
    }
    export const SubscribeResponse: Codec<SubscribeResponse>;
    export interface Heartbeat {
      position: string;
    }
    export const Heartbeat: Codec<Heartbeat>;
    export interface GetClusterRequest {
    }
    export const GetClusterRequest: Codec<GetClusterRequest>;
    export interface GetClusterResponse {
      clusterId: string;
      members: readonly jmessage.v1.ClusterMember[];
      leader: string;
      term: string;
    }
    export const GetClusterResponse: Codec<GetClusterResponse>;
    export interface ClusterMember {
      id: string;
      clientAddress: string;
      voter: boolean;
    }
    export const ClusterMember: Codec<ClusterMember>;
    export type Quorum = number;
    export const Quorum: {
      readonly QUORUM_UNSPECIFIED: 0;
      readonly QUORUM_ALL: 1;
      readonly QUORUM_MAJORITY: 2;
    };
    export type MemberRole = number;
    export const MemberRole: {
      readonly MEMBER_ROLE_UNSPECIFIED: 0;
      readonly MEMBER_ROLE_LEADER: 1;
      readonly MEMBER_ROLE_FOLLOWER: 2;
      readonly MEMBER_ROLE_CANDIDATE: 3;
      readonly MEMBER_ROLE_LEARNER: 4;
      readonly MEMBER_ROLE_JOINER: 5;
    };
    export interface StatusRequest {
    }
    export const StatusRequest: Codec<StatusRequest>;
    export interface StatusResponse {
      clusterId: string;
      quorum: jmessage.v1.Quorum;
      lastResort: boolean;
      livesByLastResort: boolean;
      term: string;
      leader: string;
      tolerates: number;
      self: string;
      members: readonly jmessage.v1.StatusMember[];
    }
    export const StatusResponse: Codec<StatusResponse>;
    export interface StatusMember {
      id: string;
      role: jmessage.v1.MemberRole;
      voter: boolean;
      clientAddress: string;
      peerAddress: string;
      term: string;
      lastIndex: number;
      commitIndex: number;
      appliedIndex: number;
      reachable: boolean;
      incarnation: number;
    }
    export const StatusMember: Codec<StatusMember>;
    export interface DigestRequest {
      atLeastIndex?: number | null;
    }
    export const DigestRequest: Codec<DigestRequest>;
    export interface DigestResponse {
      id: string;
      appliedIndex: number;
      digest: string;
    }
    export const DigestResponse: Codec<DigestResponse>;
    export interface TransferLeadershipRequest {
      to?: string | null;
    }
    export const TransferLeadershipRequest: Codec<TransferLeadershipRequest>;
    export interface TransferLeadershipResponse {
      leader: string;
      term: string;
    }
    export const TransferLeadershipResponse: Codec<TransferLeadershipResponse>;
    export interface RemoveMemberRequest {
      id: string;
    }
    export const RemoveMemberRequest: Codec<RemoveMemberRequest>;
    export interface RemoveMemberResponse {
      members: readonly string[];
    }
    export const RemoveMemberResponse: Codec<RemoveMemberResponse>;
    export interface LinkRequest {
      hello?: jmessage.v1.Hello | null;
      frames: readonly jmessage.v1.Frame[];
    }
    export const LinkRequest: Codec<LinkRequest>;
    export interface LinkResponse {
      hello?: jmessage.v1.Hello | null;
    }
    export const LinkResponse: Codec<LinkResponse>;
    export interface Hello {
      nodeId: string;
      clusterId: string;
      incarnation: number;
      previousIncarnation: number;
      peerAddress: string;
      clientAddress: string;
      protocolVersion: number;
    }
    export const Hello: Codec<Hello>;
    export interface Frame {
      ping?: jmessage.v1.Ping | null;
      pong?: jmessage.v1.Pong | null;
      append?: jmessage.v1.Append | null;
      appendReply?: jmessage.v1.AppendReply | null;
      snapshotNeeded?: jmessage.v1.SnapshotNeeded | null;
      voteRequest?: jmessage.v1.VoteRequest | null;
      voteReply?: jmessage.v1.VoteReply | null;
      transferNow?: jmessage.v1.TransferNow | null;
      memberRequest?: jmessage.v1.MemberRequest | null;
      leaveRequest?: jmessage.v1.LeaveRequest | null;
      leaveReply?: jmessage.v1.LeaveReply | null;
      askToLeave?: jmessage.v1.AskToLeave | null;
      presence?: jmessage.v1.Presence | null;
    }
    export const Frame: Codec<Frame>;
    export interface Presence {
      complete: boolean;
      accounts: readonly jmessage.v1.PresenceAccount[];
    }
    export const Presence: Codec<Presence>;
    export interface PresenceAccount {
      accountId: string;
      online: boolean;
      lastSeen?: google.protobuf.Timestamp | null;
    }
    export const PresenceAccount: Codec<PresenceAccount>;
    export interface Term {
      epoch: number;
      number: number;
      nodeId: string;
    }
    export const Term: Codec<Term>;
    export interface LogPosition {
      index: number;
      term?: jmessage.v1.Term | null;
      checksum: string;
    }
    export const LogPosition: Codec<LogPosition>;
    export interface TermStart {
      term?: jmessage.v1.Term | null;
      index: number;
    }
    export const TermStart: Codec<TermStart>;
    export interface Entry {
      index: number;
      term?: jmessage.v1.Term | null;
      checksum: string;
      command?: Uint8Array | null;
      config?: jmessage.v1.Config | null;
      noop?: jmessage.v1.Noop | null;
      orphans?: Uint8Array | null;
    }
    export const Entry: Codec<Entry>;
    export interface Noop {
    }
    export const Noop: Codec<Noop>;
    export interface Member {
      id: string;
      peerAddress: string;
      clientAddress: string;
    }
    export const Member: Codec<Member>;
    export interface Policy {
      quorum: jmessage.v1.Quorum;
      lastResort: boolean;
      heartbeatMs: number;
      failureTimeoutMs: number;
      isolationGraceMs: number;
    }
    export const Policy: Codec<Policy>;
    export interface Mark {
      base?: jmessage.v1.LogPosition | null;
      baseVoters: readonly jmessage.v1.Member[];
      forced: boolean;
    }
    export const Mark: Codec<Mark>;
    export interface Leaver {
      id: string;
      incarnation: number;
    }
    export const Leaver: Codec<Leaver>;
    export interface Config {
      policy?: jmessage.v1.Policy | null;
      voters: readonly jmessage.v1.Member[];
      learners: readonly jmessage.v1.Member[];
      tombstones: readonly string[];
      mark?: jmessage.v1.Mark | null;
      c0Index: number;
      leavers: readonly jmessage.v1.Leaver[];
    }
    export const Config: Codec<Config>;
    export interface ConfigEntry {
      index: number;
      term?: jmessage.v1.Term | null;
      config?: jmessage.v1.Config | null;
    }
    export const ConfigEntry: Codec<ConfigEntry>;
    export interface Base {
      position?: jmessage.v1.LogPosition | null;
      config?: jmessage.v1.ConfigEntry | null;
    }
    export const Base: Codec<Base>;
    export interface Ping {
      nonce: number;
      asksLease: boolean;
      leads: boolean;
      term?: jmessage.v1.Term | null;
      suspects: readonly string[];
    }
    export const Ping: Codec<Ping>;
    export interface Pong {
      nonce: number;
      promised?: jmessage.v1.Term | null;
      configIndex: number;
      configTerm?: jmessage.v1.Term | null;
      voter: boolean;
      certain: boolean;
      granted: boolean;
    }
    export const Pong: Codec<Pong>;
    export interface Append {
      term?: jmessage.v1.Term | null;
      prev?: jmessage.v1.LogPosition | null;
      entries: readonly jmessage.v1.Entry[];
      commitIndex: number;
      c0Index: number;
      asksLease: boolean;
    }
    export const Append: Codec<Append>;
    export interface AppendReply {
      term?: jmessage.v1.Term | null;
      promised?: jmessage.v1.Term | null;
      ok: boolean;
      matchIndex: number;
      applied?: jmessage.v1.LogPosition | null;
      snapshotIndex: number;
    }
    export const AppendReply: Codec<AppendReply>;
    export interface SnapshotNeeded {
      term?: jmessage.v1.Term | null;
      from: string;
    }
    export const SnapshotNeeded: Codec<SnapshotNeeded>;
    export interface VoteRequest {
      pre: boolean;
      term?: jmessage.v1.Term | null;
      last?: jmessage.v1.LogPosition | null;
      termStarts: readonly jmessage.v1.TermStart[];
      mark?: jmessage.v1.Mark | null;
      lastResort: boolean;
      everyPreVote: boolean;
      transferTerm?: jmessage.v1.Term | null;
    }
    export const VoteRequest: Codec<VoteRequest>;
    export interface VoteReply {
      pre: boolean;
      term?: jmessage.v1.Term | null;
      promised?: jmessage.v1.Term | null;
      granted: boolean;
      certain: boolean;
      last?: jmessage.v1.LogPosition | null;
      tail?: jmessage.v1.Tail | null;
      meeting: boolean;
    }
    export const VoteReply: Codec<VoteReply>;
    export interface Tail {
      prev?: jmessage.v1.LogPosition | null;
      entries: readonly jmessage.v1.Entry[];
    }
    export const Tail: Codec<Tail>;
    export interface TransferNow {
      term?: jmessage.v1.Term | null;
    }
    export const TransferNow: Codec<TransferNow>;
    export interface MemberRequest {
      member?: jmessage.v1.Member | null;
    }
    export const MemberRequest: Codec<MemberRequest>;
    export interface LeaveRequest {
    }
    export const LeaveRequest: Codec<LeaveRequest>;
    export interface LeaveReply {
      config?: jmessage.v1.ConfigEntry | null;
    }
    export const LeaveReply: Codec<LeaveReply>;
    export interface AskToLeave {
      term?: jmessage.v1.Term | null;
    }
    export const AskToLeave: Codec<AskToLeave>;
    export interface JoinRequest {
      clusterId: string;
      member?: jmessage.v1.Member | null;
    }
    export const JoinRequest: Codec<JoinRequest>;
    export interface JoinResponse {
      clusterId: string;
      accepted?: jmessage.v1.JoinAccepted | null;
      notLeader?: jmessage.v1.JoinNotLeader | null;
      refused?: jmessage.v1.JoinRefused | null;
    }
    export const JoinResponse: Codec<JoinResponse>;
    export interface JoinAccepted {
    }
    export const JoinAccepted: Codec<JoinAccepted>;
    export interface JoinNotLeader {
      leaderPeerAddress: string;
    }
    export const JoinNotLeader: Codec<JoinNotLeader>;
    export interface JoinRefused {
      reason: string;
      message: string;
    }
    export const JoinRefused: Codec<JoinRefused>;
    export interface ProbeRequest {
    }
    export const ProbeRequest: Codec<ProbeRequest>;
    export interface ProbeResponse {
      clusterId: string;
      nodeId: string;
      leaderId: string;
      leaderPeerAddress: string;
      term?: jmessage.v1.Term | null;
    }
    export const ProbeResponse: Codec<ProbeResponse>;
    export interface FetchSnapshotRequest {
      clusterId: string;
      nodeId: string;
      index: number;
      firstChunk: number;
    }
    export const FetchSnapshotRequest: Codec<FetchSnapshotRequest>;
    export interface FetchSnapshotResponse {
      header?: jmessage.v1.SnapshotHeader | null;
      chunk?: jmessage.v1.SnapshotChunk | null;
      end?: jmessage.v1.SnapshotEnd | null;
    }
    export const FetchSnapshotResponse: Codec<FetchSnapshotResponse>;
    export interface SnapshotHeader {
      base?: jmessage.v1.Base | null;
      termStarts: readonly jmessage.v1.TermStart[];
      rowsTotal: number;
    }
    export const SnapshotHeader: Codec<SnapshotHeader>;
    export interface SnapshotChunk {
      number: number;
      data: Uint8Array;
      checksum: Uint8Array;
    }
    export const SnapshotChunk: Codec<SnapshotChunk>;
    export interface SnapshotEnd {
      chunks: number;
      digest: string;
    }
    export const SnapshotEnd: Codec<SnapshotEnd>;
  }
}

export namespace google {
  export namespace protobuf {
    export interface Timestamp {
      seconds: number;
      nanos: number;
    }
    export const Timestamp: Codec<Timestamp>;
  }
}

export namespace grpc {
  export namespace health {
    export namespace v1 {
      export interface HealthCheckRequest {
        service: string;
      }
      export const HealthCheckRequest: Codec<HealthCheckRequest>;
      export interface HealthCheckResponse {
        status: grpc.health.v1.HealthCheckResponse.ServingStatus;
      }
      export const HealthCheckResponse: Codec<HealthCheckResponse>;
      export namespace HealthCheckResponse {
        export type ServingStatus = number;
        export const ServingStatus: {
          readonly UNKNOWN: 0;
          readonly SERVING: 1;
          readonly NOT_SERVING: 2;
          readonly SERVICE_UNKNOWN: 3;
        };
      }
    }
  }
}
