"""Samplers with their options as nodes."""

from __future__ import annotations

from typing import Any

import torch
from comfy._sampling import make_sampler
from comfy_api.latest import io

from app.engine.diffusion.samplers.sa_solver import tau_between

_CATEGORY = "sampling/custom_sampling/samplers"


def _number(
    name: str,
    default: float,
    tooltip: str,
    minimum: float = 0.0,
    maximum: float = 100.0,
    step: float = 0.01,
) -> io.Float.Input:
    return io.Float.Input(
        name, default=default, min=minimum, max=maximum, step=step, round=False, tooltip=tooltip
    )


def _eta() -> io.Float.Input:
    return _number("eta", 1.0, "How much new noise the steps add; 0 is none.")


def _s_noise() -> io.Float.Input:
    return _number("s_noise", 1.0, "Factor of the new noise.")


def _device() -> io.Combo.Input:
    return io.Combo.Input(
        "noise_device",
        options=["gpu", "cpu"],
        tooltip="Where the noise is made; cpu gives the same on every machine.",
    )


def _schema(
    node_id: str, description: str, inputs: list[Any], title: str | None = None
) -> io.Schema:
    return io.Schema(
        node_id=node_id,
        display_name=title,
        category=_CATEGORY,
        description=description,
        inputs=inputs,
        outputs=[io.Sampler.Output()],
    )


class SamplerEulerAncestral(io.ComfyNode):
    """Euler steps with new noise."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the noise."""
        text = "Euler steps that add new noise after each step."
        return _schema("SamplerEulerAncestral", text, [_eta(), _s_noise()])

    @classmethod
    def execute(cls, eta: float, s_noise: float) -> io.NodeOutput:
        """Return the sampler."""
        return io.NodeOutput(make_sampler("euler_ancestral", eta=eta, s_noise=s_noise))

    get_sampler = execute


class SamplerEulerAncestralCFGPP(io.ComfyNode):
    """Euler steps with new noise for low guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the noise."""
        title = "SamplerEulerAncestralCFG++"
        text = "Euler steps with new noise after CFG++, for guidance of about 1."
        inputs = [_eta(), _s_noise()]
        return _schema("SamplerEulerAncestralCFGPP", text, inputs, title)

    @classmethod
    def execute(cls, eta: float, s_noise: float) -> io.NodeOutput:
        """Return the sampler."""
        return io.NodeOutput(make_sampler("euler_ancestral_cfg_pp", eta=eta, s_noise=s_noise))

    get_sampler = execute


class SamplerLMS(io.ComfyNode):
    """Linear multistep."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the order."""
        order = io.Int.Input(
            "order", default=4, min=1, max=100, tooltip="How many earlier steps are looked at."
        )
        return _schema("SamplerLMS", "Steps that look back at earlier ones.", [order])

    @classmethod
    def execute(cls, order: int) -> io.NodeOutput:
        """Return the sampler."""
        return io.NodeOutput(make_sampler("lms", order=order))

    get_sampler = execute


class SamplerDPMPP_2S_Ancestral(io.ComfyNode):
    """DPM++ 2S with new noise."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare the noise."""
        text = "DPM-Solver++ with two model calls and new noise in each step."
        return _schema("SamplerDPMPP_2S_Ancestral", text, [_eta(), _s_noise()])

    @classmethod
    def execute(cls, eta: float, s_noise: float) -> io.NodeOutput:
        """Return the sampler."""
        return io.NodeOutput(make_sampler("dpmpp_2s_ancestral", eta=eta, s_noise=s_noise))

    get_sampler = execute


class SamplerDPMPP_2M_SDE(io.ComfyNode):
    """DPM++ 2M SDE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare kind, noise and device."""
        kind = io.Combo.Input(
            "solver_type", options=["midpoint", "heun"], tooltip="How the last step is used."
        )
        inputs = [kind, _eta(), _s_noise(), _device()]
        text = "DPM-Solver++ with new noise, looking back one step."
        return _schema("SamplerDPMPP_2M_SDE", text, inputs)

    @classmethod
    def execute(
        cls, solver_type: str, eta: float, s_noise: float, noise_device: str
    ) -> io.NodeOutput:
        """Return the sampler."""
        name = "dpmpp_2m_sde" if noise_device == "cpu" else "dpmpp_2m_sde_gpu"
        return io.NodeOutput(make_sampler(name, eta=eta, s_noise=s_noise, solver_type=solver_type))

    get_sampler = execute


class SamplerDPMPP_3M_SDE(io.ComfyNode):
    """DPM++ 3M SDE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare noise and device."""
        text = "DPM-Solver++ with new noise, looking back two steps."
        inputs = [_eta(), _s_noise(), _device()]
        return _schema("SamplerDPMPP_3M_SDE", text, inputs)

    @classmethod
    def execute(cls, eta: float, s_noise: float, noise_device: str) -> io.NodeOutput:
        """Return the sampler."""
        name = "dpmpp_3m_sde" if noise_device == "cpu" else "dpmpp_3m_sde_gpu"
        return io.NodeOutput(make_sampler(name, eta=eta, s_noise=s_noise))

    get_sampler = execute


class SamplerDPMPP_SDE(io.ComfyNode):
    """DPM++ SDE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare noise, middle and device."""
        middle = _number("r", 0.5, "Where in a step the model is asked a second time.")
        text = "DPM-Solver++ with new noise and two model calls in each step."
        inputs = [_eta(), _s_noise(), middle, _device()]
        return _schema("SamplerDPMPP_SDE", text, inputs)

    @classmethod
    def execute(cls, eta: float, s_noise: float, r: float, noise_device: str) -> io.NodeOutput:
        """Return the sampler."""
        name = "dpmpp_sde" if noise_device == "cpu" else "dpmpp_sde_gpu"
        return io.NodeOutput(make_sampler(name, eta=eta, s_noise=s_noise, r=r))

    get_sampler = execute


class SamplerDPMAdaptative(io.ComfyNode):
    """DPM with steps of fitting length."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare order, tolerances, control and noise."""
        inputs = [
            io.Int.Input("order", default=3, min=2, max=3, tooltip="Model calls in a step."),
            _number("rtol", 0.05, "Error that is allowed, relative to the latent."),
            _number("atol", 0.0078, "Error that is always allowed."),
            _number("h_init", 0.05, "Length of the first step."),
            _number("pcoeff", 0.0, "Weight of the present error in the step's length."),
            _number("icoeff", 1.0, "Weight of the errors so far in the step's length."),
            _number("dcoeff", 0.0, "Weight of the error's change in the step's length."),
            _number("accept_safety", 0.81, "How good a step must be to be kept."),
            _number("eta", 0.0, "How much new noise the steps add; 0 is none."),
            _s_noise(),
        ]
        text = "DPM-Solver that chooses the length of its steps; the number of steps is ignored."
        return _schema("SamplerDPMAdaptative", text, inputs)

    @classmethod
    def execute(cls, **options: Any) -> io.NodeOutput:
        """Return the sampler (rule D-119)."""
        return io.NodeOutput(make_sampler("dpm_adaptive", **options))

    get_sampler = execute


class SamplerSEEDS2(io.ComfyNode):
    """SEEDS with two stages."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare kind, noise and middle."""
        kind = io.Combo.Input(
            "solver_type", options=["phi_1", "phi_2"], tooltip="How the two calls are weighed."
        )
        middle = _number("r", 0.5, "Where in a step the model is asked again.", 0.01, 1.0)
        text = "Exponential solver with new noise and two model calls in each step."
        inputs = [kind, _eta(), _s_noise(), middle]
        return _schema("SamplerSEEDS2", text, inputs)

    @classmethod
    def execute(cls, solver_type: str, eta: float, s_noise: float, r: float) -> io.NodeOutput:
        """Return the sampler."""
        options = {"solver_type": solver_type, "eta": eta, "s_noise": s_noise, "r": r}
        return io.NodeOutput(make_sampler("seeds_2", **options))

    get_sampler = execute


class SamplerER_SDE(io.ComfyNode):
    """Extended reverse-time steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare kind, stages and noise."""
        inputs = [
            io.Combo.Input(
                "solver_type",
                options=["ER-SDE", "Reverse-time SDE", "ODE"],
                tooltip="How noise is added; ODE adds none.",
            ),
            io.Int.Input("max_stage", default=3, min=1, max=3, tooltip="Steps that are looked at."),
            _number("eta", 1.0, "Noise of Reverse-time SDE; the other kinds ignore it."),
            _s_noise(),
        ]
        text = "Solver with extended reverse-time noise."
        return _schema("SamplerER_SDE", text, inputs)

    @classmethod
    def execute(cls, solver_type: str, max_stage: int, eta: float, s_noise: float) -> io.NodeOutput:
        """Return the sampler (rule D-134)."""
        options: dict[str, Any] = {"max_stage": max_stage, "s_noise": s_noise}
        if solver_type != "ER-SDE":
            if solver_type == "ODE" or eta == 0:
                eta = options["s_noise"] = 0.0

            def power(ratio: torch.Tensor) -> torch.Tensor:
                result: torch.Tensor = ratio ** (eta + 1.0)
                return result

            options["noise_scaler"] = power
        return io.NodeOutput(make_sampler("er_sde", **options))

    get_sampler = execute


class SamplerSASolver(io.ComfyNode):
    """Stochastic Adams steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, noise, orders and kind."""
        point = {"minimum": 0.0, "maximum": 1.0, "step": 0.001}
        inputs = [
            io.Model.Input("model", tooltip="The model, which tells the noise levels."),
            _number("eta", 1.0, "How much new noise the steps add.", maximum=10.0),
            _number("sde_start_percent", 0.2, "New noise from here on.", **point),
            _number("sde_end_percent", 0.8, "New noise up to here.", **point),
            _s_noise(),
            io.Int.Input(
                "predictor_order", default=3, min=1, max=6, tooltip="Steps that a guess looks at."
            ),
            io.Int.Input(
                "corrector_order",
                default=4,
                min=0,
                max=6,
                tooltip="Steps that a correction looks at; 0 corrects nothing.",
            ),
            io.Boolean.Input("use_pece", tooltip="Ask the model again after a correction."),
            io.Boolean.Input("simple_order_2", tooltip="Use simpler weights for order 2."),
        ]
        text = "Stochastic Adams solver, which guesses each step and corrects it."
        return _schema("SamplerSASolver", text, inputs)

    @classmethod
    def execute(
        cls,
        model: Any,
        eta: float,
        sde_start_percent: float,
        sde_end_percent: float,
        s_noise: float,
        predictor_order: int,
        corrector_order: int,
        use_pece: bool,
        simple_order_2: bool,
    ) -> io.NodeOutput:
        """Return the sampler."""
        table = model.get_model_object("model_sampling")
        start, end = (
            table.percent_to_sigma(percent) for percent in (sde_start_percent, sde_end_percent)
        )
        sampler = make_sampler(
            "sa_solver",
            tau_func=tau_between(start, end, eta),
            s_noise=s_noise,
            predictor_order=predictor_order,
            corrector_order=corrector_order,
            use_pece=use_pece,
            simple_order_2=simple_order_2,
        )
        return io.NodeOutput(sampler)

    get_sampler = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        SamplerEulerAncestral, SamplerEulerAncestralCFGPP, SamplerLMS, SamplerDPMPP_2S_Ancestral,
        SamplerDPMPP_2M_SDE, SamplerDPMPP_3M_SDE, SamplerDPMPP_SDE, SamplerDPMAdaptative,
        SamplerSEEDS2, SamplerER_SDE, SamplerSASolver,
    )
}  # fmt: skip
