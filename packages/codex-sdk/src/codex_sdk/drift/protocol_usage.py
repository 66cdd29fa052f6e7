"""What of the protocol this package sends, answers and reads: a change of the protocol is weighed by it.

Kept by hand: a test reads the package's code and says which words to add here and which to remove.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Used:
    """What is used of a protocol, by the words of the wire.

    Attributes:
        methods: Methods that are sent or handled.
        fields: Fields that are sent or read, wherever a used method leads to one of this name.
        values: Values of enumerations, and variants of unions, likewise.
        needed: Those of all three without which no session works; what they lead to is needed as far as it is here.
        not_meant: Places that have such a name and are not used, as `Shape.field` or `Shape "value"`.
    """

    methods: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    not_meant: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


METHODS: Final = _words(
    """
    initialize initialized config/read model/list account/read skills/list
    thread/start thread/resume thread/fork thread/unsubscribe thread/list thread/loaded/list thread/read
    thread/turns/list
    thread/name/set thread/archive thread/delete thread/compact/start thread/backgroundTerminals/list
    thread/backgroundTerminals/clean thread/backgroundTerminals/terminate
    turn/start turn/steer turn/interrupt thread/settings/update

    item/commandExecution/requestApproval item/fileChange/requestApproval item/permissions/requestApproval
    item/tool/call item/tool/requestUserInput mcpServer/elicitation/request currentTime/read
    account/chatgptAuthTokens/refresh attestation/generate applyPatchApproval execCommandApproval

    thread/settings/updated thread/tokenUsage/updated turn/started turn/completed turn/diff/updated turn/plan/updated
    item/started item/completed item/agentMessage/delta item/plan/delta item/reasoning/summaryPartAdded
    item/reasoning/summaryTextDelta item/reasoning/textDelta item/commandExecution/outputDelta
    item/commandExecution/terminalInteraction item/fileChange/patchUpdated item/mcpToolCall/progress
    item/autoApprovalReview/completed autoApprovalReview/strictReviewRequired serverRequest/resolved
    hook/started hook/completed mcpServer/startupStatus/updated model/rerouted account/rateLimits/updated
    modelProvider/authRecoveryStarted modelProvider/authRecoveryCompleted
    error warning guardianWarning configWarning deprecationNotice windows/worldWritableWarning
    account/login/start account/login/cancel account/login/completed account/logout thread/unarchive
    thread/name/updated thread/goal/set thread/goal/clear thread/goal/updated thread/goal/cleared
    """
)

FIELDS: Final = _words(
    """
    acceptWithExecpolicyAmendment account action activeTurnNotSteerable additionalDetails additionalPermissions
    additionalSpeedTiers agentPath agentsStates agentThreadId aggregatedOutput answers apiKey
    applyNetworkPolicyAmendment approval_policy approvalPolicy approvalsReviewer arguments authUrl availableDecisions
    baseInstructions branch cachedInputTokens cacheWriteInputTokens capabilities changes clientId clientInfo
    clientUserMessageId cliVersion codexErrorInfo collaborationMode command commandActions config content contentIndex
    contentItems createdAt currentTimeAt cursor cwd cwds data decision defaultReasoningEffort delivery delta denied
    description details developerInstructions developer_instructions diff displayName durationMs dynamicTools effort
    email enabled entries ephemeral error errors eventName excludeSlashTmp exclude_slash_tmp excludeTmpdirEnvVar
    exclude_tmpdir_env_var excludeTurns execpolicy_amendment exitCode expectedTurnId experimentalApi
    experimentalRawEvents failure file file_id fileId fileSystem forceReload fragments fromModel gitInfo goal grantRoot
    granular header host httpConnectionFailed httpStatusCode id image_url imageUrl includeLayers includeTurns input
    inputModalities inputSchema inputTokens isDefault isOther isSecret item itemId items itemsView kind label last
    lastTurnId layers limit loginId memoryCitation message _meta mode model modelContextWindow modelProvider
    model_reasoning_effort model_reasoning_summary move_path name namespace network network_access networkAccess
    networkApprovalContext network_policy_amendment nextCursor objective options origin osPid output outputSchema
    outputTokens path permissions personality phase plan planType preview processId prompt proposedExecpolicyAmendment
    proposedNetworkPolicyAmendments provider queries query question questions rateLimits rationale read reason
    reasoningEffort reasoning_effort reasoningOutputTokens receiverThreadIds rejection requestAttestation
    requestedSchema requestId requiresOpenaiAuth responseStreamConnectionFailed responseStreamDisconnected
    responseTooManyFailedAttempts result results review revisedPrompt rootTurnId run sandbox sandbox_mode sandboxPolicy
    sandbox_workspace_write savedPath scope server serverName serviceTier serviceTiers settings skills sortDirection
    sortKey source sourcePath status stdin step structuredContent success summary summaryIndex supportedReasoningEfforts
    targetItemId text text_elements thread threadId threadName threadSettings timeUsedSeconds title token tokenBudget
    tokensUsed tokenUsage toModel tool toolName tools total totalTokens turn turnId turns type updatedAt url userAgent
    userCode verificationUrl version willRetry writableRoots writable_roots
    """
)

VALUES: Final = _words(
    """
    aborted accept acceptForSession acceptWithExecpolicyAmendment activeTurnNotSteerable add agent agentMessage allow
    amazonBedrock apiKey applyNetworkPolicyAmendment applyPatch approved asc async audio auto auto_review badRequest
    budgetLimited cancel canceled cancelled chatgpt chatgptDeviceCode closeAgent collabAgentToolCall command
    commandExecution completed contextCompaction contextWindowExceeded cyberPolicy danger-full-access dangerFullAccess
    decline declined default delete denied desc dynamicToolCall enteredReviewMode error execve exitedReviewMode failed
    fileChange final_answer flexUnavailable followupTask form full function functionCallOutput granular
    guardian_subagent hookPrompt httpConnectionFailed image imageGeneration imageView inProgress input_image input_text
    inputImage inputText interacted internalServerError interruptAgent interrupted listAgents listFiles localAudio
    localImage mcpToolCall mention misalignmentPolicyViolation namespace network_policy_amendment networkAccess never
    none object on-request openai/form openaiForm path pending plan project rateLimitExceeded read read-only readOnly
    reasoning repo responseStreamConnectionFailed responseStreamDisconnected responseTooManyFailedAttempts resumeAgent
    sandboxError search sendInput sendMessage serverOverloaded session sessionBudgetExceeded skill sleep spawnAgent
    started stopped subAgentActivity summary system text thread tooManyDenials turn unauthorized unknown untrusted
    update updated_at url usageLimited usageLimitExceeded user userMessage wait warning webSearch workspace-write
    workspaceWrite writeStdin
    """
)

NEEDED: Final = _words(
    """
    initialize initialized config/read thread/start turn/start turn/started turn/completed item/started item/completed
    userAgent clientInfo capabilities experimentalApi thread threadId turn turnId item id type status input text
    cwd approvalPolicy sandbox
    userMessage agentMessage completed failed interrupted inProgress
    never on-request read-only workspace-write danger-full-access
    """
)
"""A thread that did not take its sandbox would run unprotected, so that counts as well."""

NOT_MEANT: Final = frozenset(
    {
        'GuardianApprovalReviewAction "writeStdin"',
        'InputModality "audio"',
        "ConfigLayerSource.legacyManagedConfigTomlFromFile.file",
        "ConfigLayerSource.packagedDefaults.file",
        "ConfigLayerSource.system.file",
        "ConfigLayerSource.user.file",
        "FunctionCallOutputContentItem.input_image.file_id",
        "SkillsListEntry.errors",
        "Thread.reasoningEffort",
        "ThreadResumeResponse.collaborationMode",
        "TurnStartParams.rootTurnId",
    }
)

USED: Final = Used(METHODS, FIELDS, VALUES, NEEDED, NOT_MEANT)
