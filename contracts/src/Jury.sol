// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Case, Cases, Stage, Tally, Verdict} from "./libraries/Cases.sol";
import {Evidence, Placed} from "./libraries/Evidence.sol";
import {Openings} from "./libraries/Openings.sol";
import {Purses} from "./libraries/Purses.sol";
import {JUDGED} from "./types/Fault.sol";
import {Param} from "./types/Param.sol";
import {Opening} from "./types/Statement.sol";

/**
 * @title Jury
 * @notice Judges what the chain cannot compute: whether a claim that stands in an open batch follows from running its job,
 * and whether those who passed an answer have run it. Whoever doubts it puts a bond down; validators drawn by a block that
 * nobody knew run the job again, commit to a verdict and reveal it. Two thirds of the seats decide. The loser pays: half is
 * burned, half goes to the jurors who spoke. A batch with a claim in dispute does not become final.
 */
contract Jury is ReentrancyGuardTransient {
    using Cases for Case;
    using SafeCast for uint256;

    /// @dev Blocks until the draw: enough that no one who opens a case knows the hash.
    uint64 private constant SEED_BLOCKS = 2;
    /// @dev The EVM knows the hashes of so many blocks.
    uint64 private constant KNOWN_BLOCKS = 255;
    /// @dev A juror who says nothing loses a hundredth of its stake: less than a lie, more than its trouble.
    uint256 private constant SILENCE_BPS = 100;

    IParams public immutable params;
    IResultLedger public immutable ledger;
    IStakeVault public immutable vault;

    mapping(uint256 number => Case) private _cases;
    mapping(uint256 number => address[]) private _accused;
    /// @notice The newest case about a claim, or about a transcript of it, by `Cases.subjectOf`; 0 where it was undecided.
    mapping(bytes32 subject => uint256) public caseOf;
    /// @dev For what those accused of it have paid: they pay once.
    mapping(bytes32 subject => bool) private _isCondemned;
    mapping(address account => uint256) public owedWei;
    uint256 public caseCount;

    event CaseOpened(
        uint256 indexed number,
        uint64 indexed batch,
        bytes32 indexed claim,
        address challenger,
        uint64 seedBlock,
        bytes32 transcript
    );
    event JurorsDrawn(uint256 indexed number, address[] jurors, uint64 commitUntil, uint64 revealUntil);
    event VerdictCommitted(uint256 indexed number, address indexed juror);
    event VerdictRevealed(uint256 indexed number, address indexed juror, Verdict verdict);
    event CaseDecided(uint256 indexed number, Stage outcome, uint256 passes, uint256 fails);

    error WrongBond(uint256 bondWei, uint256 expectedWei);
    error AlreadyInDispute(bytes32 subject, uint256 number);
    error NothingOwed(address account);

    constructor(IParams params_, IResultLedger ledger_, IStakeVault vault_) {
        (params, ledger, vault) = (params_, ledger_, vault_);
    }

    /**
     * @notice Doubts a claim whose receipt stands in an open batch. The value sent is the bond, `ChallengeBondGwei`.
     * @param passedBy Those who passed the claim, as the receipt names them.
     */
    function open(Placed calldata placed, address[] calldata passedBy) external payable returns (uint256 number) {
        Evidence.requirePassedBy(placed.receipt, passedBy);
        // They pay where it was false, the worker as well as those who passed it.
        address[] memory accused = new address[](passedBy.length + 1);
        accused[0] = placed.receipt.worker;
        for (uint256 i = 0; i < passedBy.length; i++) {
            accused[i + 1] = passedBy[i];
        }
        number = _open(placed, 0, accused);
    }

    /**
     * @notice Doubts that those who passed an answer in an open batch have run it: all of them opened one transcript, and the
     * challenger has seen another. Jurors who see another, too, say `Fail`. Neither the answer nor its batch is in dispute.
     * The value sent is the bond, `ChallengeBondGwei`.
     * @param openings Of all whom the receipt names, in its order, with their signatures.
     */
    function openUnseen(
        Placed calldata placed,
        Opening[] calldata openings,
        bytes[] calldata signatures
    ) external payable returns (uint256 number) {
        address[] memory accused = Openings.requireOpened(ledger, placed.receipt, openings, signatures);
        number = _open(placed, openings[0].transcript, accused);
    }

    /// @notice Draws the jurors, when the block that chooses them is there. Anybody may; too late, another block is taken.
    function draw(uint256 number) external {
        Case storage opened = _cases[number];
        opened.requireStage(Stage.Opened);
        if (block.number <= opened.seedBlock) revert Cases.TooEarly(opened.seedBlock + 1);
        if (block.number > opened.seedBlock + KNOWN_BLOCKS) {
            opened.seedBlock = uint64(block.number) + SEED_BLOCKS;
            return;
        }
        uint64 epoch = params.epoch();
        bytes32 seed = keccak256(abi.encode(blockhash(opened.seedBlock), number));
        opened.jurors = vault.drawValidators(seed, params.valueAt(Param.JurySeats, epoch), _partiesNow(number));
        opened.stage = Stage.Drawn;
        opened.commitUntil = uint64(block.timestamp) + params.valueAt(Param.CommitSeconds, epoch);
        opened.revealUntil = opened.commitUntil + params.valueAt(Param.RevealSeconds, epoch);
        emit JurorsDrawn(number, opened.jurors, opened.commitUntil, opened.revealUntil);
    }

    /// @notice Commits the caller, a juror, to a verdict that nobody sees yet: `Cases.commitmentOf`.
    function commit(uint256 number, bytes32 commitment) external {
        _cases[number].commit(msg.sender, commitment);
        emit VerdictCommitted(number, msg.sender);
    }

    /// @notice Says what the caller has committed to.
    function reveal(uint256 number, Verdict verdict, bytes32 salt) external {
        _cases[number].reveal(number, msg.sender, verdict, salt);
        emit VerdictRevealed(number, msg.sender, verdict);
    }

    /// @notice Counts the verdicts when the time to reveal is over. Anybody may.
    function decide(uint256 number) external nonReentrant {
        Case storage drawn = _cases[number];
        drawn.requireStage(Stage.Drawn);
        if (block.timestamp <= drawn.revealUntil) revert Cases.TooEarly(drawn.revealUntil + 1);
        Tally memory count = drawn.tally();
        Stage outcome = Cases.outcome(count, drawn.jurors.length);
        drawn.stage = outcome;
        bytes32 subject = Cases.subjectOf(drawn.claim, drawn.transcript);
        // Where the batch was taken back, its holds went with it.
        if (drawn.transcript == 0 && !ledger.isVoid(drawn.headerHash)) ledger.release(drawn.batch);
        emit CaseDecided(number, outcome, count.passes, count.fails);
        if (outcome == Stage.Dismissed) {
            _payJurors(drawn, drawn.bondWei);
        } else {
            owedWei[drawn.challenger] += drawn.bondWei;
        }
        if (outcome == Stage.Undecided && caseOf[subject] == number) caseOf[subject] = 0;
        if (outcome == Stage.Upheld) _condemn(number, drawn, subject);
        if (outcome != Stage.Undecided) _slashSilent(drawn);
    }

    /// @notice Pays the caller what cases have left it.
    function withdraw() external nonReentrant {
        uint256 amountWei = owedWei[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owedWei[msg.sender] = 0;
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @notice How a case stands: who doubts which batch, with how much, until when, and the jurors by seat.
    function caseAt(uint256 number)
        external
        view
        returns (
            address challenger,
            uint64 batch,
            Stage stage,
            uint64 seedBlock,
            uint64 commitUntil,
            uint64 revealUntil,
            address[] memory jurors
        )
    {
        Case storage known = _cases[number];
        return (
            known.challenger,
            known.batch,
            known.stage,
            known.seedBlock,
            known.commitUntil,
            known.revealUntil,
            known.jurors
        );
    }

    /// @dev Who is accused is no juror, and pays where the case is upheld. Only a doubtful claim keeps its batch open.
    function _open(Placed calldata placed, bytes32 transcript, address[] memory accused)
        private
        returns (uint256 number)
    {
        uint256 bondWei = uint256(params.valueAt(Param.ChallengeBondGwei, params.epoch())) * 1 gwei;
        if (msg.value != bondWei) revert WrongBond(msg.value, bondWei);
        bytes32 headerHash = Evidence.requirePlaced(placed);
        ledger.requireOpen(placed.header.number, headerHash);
        bytes32 subject = Cases.subjectOf(placed.receipt.claim, transcript);
        _requireUndisputed(subject);
        number = ++caseCount;
        caseOf[subject] = number;
        _accused[number] = accused;
        Case storage opened = _cases[number];
        opened.challenger = msg.sender;
        opened.batch = placed.header.number;
        opened.stage = Stage.Opened;
        opened.bondWei = bondWei.toUint96();
        opened.seedBlock = uint64(block.number) + SEED_BLOCKS;
        opened.claim = placed.receipt.claim;
        opened.transcript = transcript;
        opened.headerHash = headerHash;
        if (transcript == 0) ledger.hold(opened.batch);
        emit CaseOpened(number, opened.batch, opened.claim, msg.sender, opened.seedBlock, transcript);
    }

    /// @dev A subject is judged once, and again where the batch it was judged in has been taken back.
    function _requireUndisputed(bytes32 subject) private view {
        uint256 known = caseOf[subject];
        if (known != 0 && !ledger.isVoid(_cases[known].headerHash)) revert AlreadyInDispute(subject, known);
    }

    /// @dev Accused and challenger, who judge nothing of their own: under the keys they have now, or a rotation would seat them.
    function _partiesNow(uint256 number) private view returns (address[] memory parties) {
        address[] memory accused = _accused[number];
        parties = new address[](accused.length + 1);
        for (uint256 i = 0; i < accused.length; i++) {
            (parties[i],) = vault.stakeOf(accused[i]);
        }
        (parties[accused.length],) = vault.stakeOf(_cases[number].challenger);
    }

    /// @dev The batch may have been taken back meanwhile for another fault: then only those who lied are left. Where they
    /// have passed an answer unseen, nothing else is false.
    function _condemn(uint256 number, Case storage upheld, bytes32 subject) private {
        if (upheld.transcript == 0 && !ledger.isVoid(upheld.headerHash)) {
            (,, uint64 faulty,,) = ledger.progress();
            if (faulty == 0 || faulty > upheld.batch) {
                ledger.fault(upheld.batch, upheld.headerHash, JUDGED, upheld.challenger);
            }
        }
        if (_isCondemned[subject]) return;
        _isCondemned[subject] = true;
        uint64 bps = params.valueAt(Param.EndorserSlashBps, params.epoch());
        address[] memory accused = _accused[number];
        for (uint256 i = 0; i < accused.length; i++) {
            _slash(accused[i], bps, upheld.challenger);
        }
    }

    function _slashSilent(Case storage decided) private {
        address[] memory jurors = decided.jurors;
        for (uint256 i = 0; i < jurors.length; i++) {
            if (decided.verdicts[jurors[i]] != Verdict.None) continue;
            // Once a juror, however many seats it holds.
            decided.verdicts[jurors[i]] = Verdict.Inconclusive;
            _slash(jurors[i], SILENCE_BPS, address(0));
        }
    }

    function _slash(address node, uint256 bps, address reporter) private {
        (, uint256 stakeWei) = vault.stakeOf(node);
        if (stakeWei > 0) vault.slash(node, stakeWei * bps / 10_000, reporter);
    }

    /// @dev Half is burned, so that nobody gains by losing to itself; the rest is for the seats that spoke.
    function _payJurors(Case storage decided, uint256 amountWei) private {
        address[] memory jurors = decided.jurors;
        uint256 spoke = 0;
        for (uint256 i = 0; i < jurors.length; i++) {
            if (decided.verdicts[jurors[i]] != Verdict.None) spoke++;
        }
        uint256 eachWei = amountWei / 2 / spoke;
        for (uint256 i = 0; i < jurors.length; i++) {
            if (decided.verdicts[jurors[i]] != Verdict.None) owedWei[jurors[i]] += eachWei;
        }
        Purses.burn(amountWei - eachWei * spoke);
    }
}
